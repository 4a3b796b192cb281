"""The app repository: one git repository for the apps of many hosts; what may stand in it, what is published of it.

    hosts/HOST/_harbormaster.yml   which apps the host runs, in Harbormaster's own words and nothing else
    hosts/HOST/APP/…               an app's content for this host alone; it wins over
    apps/APP/…                     an app's content for every host that has it
    hosts/HOST/allowances.yml      what an app of this host may do though it is refused otherwise
    hosts/HOST/moves.yml           what becomes of data when an app would start with new storage

Pure: texts come in, mistakes and plans go out; ``drivers.apps`` reads and writes.
"""
