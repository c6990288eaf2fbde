"""Layouts of the data sets of kidneys in CT; another one is another entry of the table."""

from scanfill.data.layouts import Layout

VOLUME = r"\.(?:nii\.gz|nii|nrrd|mha|mhd)"
VOLUMES = "imaging|segmentation|aggregated_MAJ_seg"
SLICE = r"\.(?:png|jpe?g|tiff?|bmp|dcm)"

LAYOUTS = (
    # KiTS19 and KiTS23: imaging.nii.gz, segmentation.nii.gz. KiTS21: the majority of its annotators; the aggregations
    # by AND and OR beside it are not used. Phantoms have further visits of a patient, as case_00007_2.
    Layout(
        "KiTS (case_00000/imaging.nii.gz with segmentation.nii.gz or aggregated_MAJ_seg.nii.gz, or both in one folder "
        "as case_00000_imaging.nii.gz)",
        pattern=rf"(?P<case>(?P<patient>case_\d{{5,}})(?:_\d+)?)[/_](?P<key>{VOLUMES}){VOLUME}",
        keys={"imaging": "ct", "segmentation": "label", "aggregated_maj_seg": "label"},
        patient="{patient}",
    ),
    # Slices exported as pictures or DICOM. Their names may contain the patient, as those of KiTS do.
    Layout(
        "exported slices (images/<name>.png or .jpg with labels/<name>.png, and an index.csv)",
        pattern=rf"(?P<key>images|labels)/(?P<case>(?:[^/]*?(?P<patient>case_\d{{5}}))?[^/]*){SLICE}",
        keys={"images": "ct", "labels": "label"},
        patient="{patient}",
        table="index.csv",
        columns={"case_id": "name", "patient": "kits_case", "suffix": "image_ext"},
        patient_in_table="case_{:0>5}",
    ),
    # MOAI 2021 Body Morphometry AI Segmentation, kidney and tumor (Kaggle): a folder of slices per patient.
    Layout(
        "MOAI 2021 (train/DICOM/<patient>/<slice>.dcm with train/Label/<patient>/<slice>.png)",
        pattern=rf"(?P<key>DICOM|Label)/(?P<patient>[^/]+)/(?P<slice>\d+){SLICE}",
        keys={"dicom": "ct", "label": "label"},
        case="{patient}_{slice}",
        patient="{patient}",
    ),
    Layout(
        "plain names (<case>/ct.nii.gz with <case>/seg.nii.gz, or <case>_ct.nii.gz with <case>_seg.nii.gz)",
        pattern=rf"(?P<case>(?!aggregated_)[^/]+)[/_](?P<key>ct|seg|label){VOLUME}",
        keys={"ct": "ct", "seg": "label", "label": "label"},
    ),
)
