//! x
use brownout::search::*;
use brownout::*;
fn main() {
    let mut args = std::env::args().skip(1);
    let path = args.next().unwrap();
    let s = match Scenario::load(&path) {
        Ok(s) => s,
        Err(e) => {
            println!("{e}");
            return;
        }
    };
    let mode = args.next().unwrap();
    let t = std::time::Instant::now();
    if mode == "fuzz" {
        let c = Campaign { runs: args.next().unwrap().parse().unwrap(), ..Campaign::default() };
        let r = c.run(&s, &|d, f| eprintln!("{d} {f}"));
        println!(
            "runs {} failed {} steps {} unreached {:?} toothless {:?} in {:?}",
            r.runs,
            r.failed,
            r.steps,
            r.unreached,
            r.toothless,
            t.elapsed()
        );
        for f in &r.findings {
            println!(
                "{} failed {} seed {} full {} -> {} runs {} min {}",
                f.violation.property,
                f.failed,
                f.seed,
                f.full.deviations.len(),
                f.shrunk.plan.deviations.len(),
                f.shrunk.runs,
                f.shrunk.is_one_minimal
            );
            println!("{}\n{:?}", f.shrunk.plan, f.shrunk.violation);
            println!("{}", Regression::of(f, std::path::Path::new("x.ron")).to_ron());
        }
    } else if mode == "certify" {
        let c = certify(
            &s,
            args.next().unwrap().parse().unwrap(),
            args.next().map(|l| vec![l]),
            &|_, _| (),
        );
        println!(
            "{:?} crash {} plans {} failures {} in {:?}",
            c.points,
            c.crash_points,
            c.plans,
            c.failures.len(),
            t.elapsed()
        );
        for (p, v) in c.failures.iter().take(10) {
            println!("{p}  => {} {}", v.property, v.message);
        }
    }
}
