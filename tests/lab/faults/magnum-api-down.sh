# magnum-api is stopped: its endpoint is in the catalog and nothing listens there.
layer=cloud cause=service-unreachable
evidence='container-infra|magnum|9511'
odd=(failed-unit)
put() { at cloud systemctl stop magnum-api; }
heal() { at cloud systemctl start magnum-api; until_true 60 magnum-api answers $CLOUD:9511; }
shown() { ! answers $CLOUD:9511; }
