# sshd of one of two units is stopped.
layer=conductor cause=unit-unreachable what=magnum/1
evidence='127\.77\.1\.10|[Rr]efused|connect'
odd=(failed-unit)
put() { at unit0 systemctl stop ssh; }
heal() { at unit0 systemctl start ssh; until_true 20 sshd on 127.77.1.10 true; }
shown() { ! on 127.77.1.10 true; }
