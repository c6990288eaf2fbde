"""Studies: strategies compared on the same patients, with statistics that hold."""
