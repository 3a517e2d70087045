# The project has no load balancer left, and a cluster that is being made needs one.
layer=quota cause=quota-exhausted
evidence='load.?balancer'
odd=(error-neighbour)
put() {
  quota_octavia used
  form
}
heal() {
  quota_octavia 50
  unform
}
shown() { formed_says '[Ll]oad.?balancer|[Qq]uota'; }
