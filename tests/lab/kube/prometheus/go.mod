// The definition of PrometheusRule is a file of this module; nothing of it is built.
module omega.test/lab/prometheus

go 1.24.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
