# The project has no floating IP left, and a cluster that is being made needs one.
layer=quota cause=quota-exhausted
evidence='floating'
odd=(error-neighbour)
put() {
  quota_network floatingip used
  form
}
heal() {
  quota_network floatingip 50
  unform
}
shown() { formed_says 'floatingip|floating IP|[Qq]uota'; }
