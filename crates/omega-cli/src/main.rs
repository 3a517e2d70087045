#[cfg(test)]
mod explain;
fn main() {}
