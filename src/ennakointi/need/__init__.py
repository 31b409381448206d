"""Need to come: risks of persons, checked in every group, that add up to demand; never a list of persons."""
