mod common;
#[test]
fn show() {
    let mut p = common::persistent();
    for c in [
        "import random\nprint(hash('a'), random.random(), {'x','y','z','w'})",
        "1/0",
        "def f(): return sum(range(100))\nprint(f())",
        "print(id(f), id(json), count())",
    ] {
        let o = p.run(c).unwrap();
        println!("SHOW {:?} {}", o.output, o.fuel_used);
    }
    println!("SHOW {}", common::SANDBOX.component_sha256());
}
