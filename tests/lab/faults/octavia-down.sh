# octavia-api is stopped: its endpoint is in the catalog and nothing listens there.
layer=cloud cause=service-unreachable
evidence='load-balancer|octavia|9876'
odd=(error-neighbour full-quota)
put() { at cloud systemctl stop octavia-api; }
heal() { at cloud systemctl start octavia-api; until_true 60 octavia-api answers $CLOUD:9876; }
shown() { ! answers $CLOUD:9876; }
