# doctor names ten faults, and none on a healthy, a slow and an odd lab; `tests/lab/run doctor` asks for all of them.
define doctor 1500 doctor_names_ten

doctor_names_ten() { # IN_CASE: what goes on ends with the case
  running unit0 || up_unit unit0
  IN_CASE=1 MODE=ask ask_doctor "${TEN[@]}"
}
