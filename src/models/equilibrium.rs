//! Where a game of G and D rests: what losses and outputs are at p_g = p_data, where the best D cannot tell the two
//! apart, and the statistics of such a game with these values.

use super::objective::is_logit;
use super::statistic::{
    ACCURACY_FAKE, ACCURACY_REAL, CLASSES_FAKE, CLASSES_REAL, D_FAKE, D_LOSS, D_REAL, G_LOSS, PENALTY,
    Statistic, Unit, of_updates,
};
use crate::config::{Condition, Config, Loss, Objective};
use crate::precision::Precision;
use std::f64::consts::LN_2;

/// What a family's objectives are at equilibrium.
#[derive(Debug, Clone, PartialEq)]
pub struct Equilibrium {
    /// D's loss, without its factor, and how it is written.
    pub d_loss: (f64, &'static str),
    /// G's loss; absent where any value can be.
    pub g_loss: Option<(f64, &'static str)>,
    /// D's output on both; absent where only differences count.
    pub output: Option<(f64, &'static str)>,
    /// What it means, in sentences.
    pub words: &'static str,
}

/// Values of 1406.2661 (theorem 1), 1611.04076 (least squares), 1705.02894 (hinge), 1701.07875 (Wasserstein) and
/// 1807.00734 (relativistic pairing).
pub fn equilibrium(loss: &Loss) -> Equilibrium {
    let e = |d_loss, g_loss, output, words| Equilibrium { d_loss, g_loss, output, words };
    match (loss.objective, loss.relativistic) {
        (Objective::NonSaturating, true) => e(
            (LN_2, "log 2"),
            Some((LN_2, "log 2")),
            None,
            "D is asked one thing: which of a real and a generated example is the real one. At equilibrium it guesses: \
             it ranks half of the pairs right, and both losses stand at log 2 = 0.693. Only the difference of D's two \
             outputs counts; their common level means nothing. A D loss below log 2 says that D can still rank.",
        ),
        (Objective::LeastSquares, true) => e(
            (0.5, "1/2"),
            Some((0.5, "1/2")),
            None,
            "D's output on a real example should exceed that on a generated one by 1, and G wants the reverse. At \
             equilibrium the two outputs are equal and both losses stand at 1/2. Only the difference of outputs counts.",
        ),
        (Objective::Hinge, true) => e(
            (1.0, "1"),
            Some((1.0, "1")),
            None,
            "D's output on a real example should exceed that on a generated one by at least 1, and G wants the \
             reverse. At equilibrium the outputs are equal and both losses stand at 1. Only the difference counts.",
        ),
        (Objective::Minimax, _) => e(
            (2.0 * LN_2, "2 log 2"),
            Some((-LN_2, "−log 2")),
            Some((0.5, "½")),
            "At equilibrium G's distribution is the data's, the best D cannot tell them apart and says ½ of \
             everything: D(x) = D(G(z)) = ½. D's loss is then 2 log 2 = 1.386, G's −log 2 = −0.693, and the value \
             V(D, G) = −log 4, its least. Where D wins, D(G(z)) falls to 0 and with this loss G's gradient vanishes.",
        ),
        (Objective::NonSaturating, false) => e(
            (2.0 * LN_2, "2 log 2"),
            Some((LN_2, "log 2")),
            Some((0.5, "½")),
            "At equilibrium G's distribution is the data's, the best D cannot tell them apart and says ½ of \
             everything: D(x) = D(G(z)) = ½. D's loss is then 2 log 2 = 1.386, G's log 2 = 0.693, and the value \
             V(D, G) = −log 4. A G loss that grows while D's falls says that D is winning; it says nothing of how good \
             samples look.",
        ),
        (Objective::LeastSquares, false) => e(
            (0.25, "1/4"),
            Some((0.125, "1/8")),
            Some((0.5, "½")),
            "D learns to output 1 on real and 0 on generated examples, G wants 1. At equilibrium D says ½ of \
             everything: its loss is 1/4, G's 1/8. D's loss near 0 says that D tells the two apart.",
        ),
        (Objective::Hinge, false) => e(
            (2.0, "2"),
            None,
            None,
            "D pushes its output above 1 on real and below −1 on generated examples. At equilibrium its outputs on \
             both have the same mean, and its loss is 2 or more. D's loss near 0 says that D tells the two apart. G's \
             loss is minus D's output on samples: its level means nothing by itself.",
        ),
        (Objective::Wasserstein, _) => e(
            (0.0, "0"),
            None,
            None,
            "D is a critic: the gap between its mean outputs on real and on generated examples estimates the \
             Wasserstein distance between the two (times the critic's steepness). At equilibrium the gap is 0. Here a \
             falling gap does go with better samples; the outputs' level and G's loss mean nothing by themselves.",
        ),
    }
}

/// The statistics of a game of G and D, in the order of a line of metrics.
pub fn statistics(config: &Config) -> Vec<Statistic> {
    let loss = &config.loss;
    let (rest, scale) = (equilibrium(loss), f64::from(loss.discriminator_scale));
    let logit = is_logit(loss.objective);
    let mean = Statistic::mean;
    let losses =
        |name, label, tag| Statistic { digits: Some(3), chart: Some("Losses"), ..mean(name, label, tag) };
    let written = |(value, written): (f64, &str)| (value, written.to_string());
    let (d, d_written) = rest.d_loss;
    let d_rest = if scale == 1.0 { d_written.to_string() } else { format!("{scale} · {d_written}") };
    let outputs = |name, label, tag| Statistic {
        unit: if logit { Unit::Share } else { Unit::Value },
        digits: Some(2),
        chart: Some(if logit { "D's probabilities" } else { "D's outputs" }),
        equilibrium: rest.output.map(written),
        ..mean(name, label, tag)
    };
    let accuracies = |name, label, tag| Statistic {
        unit: Unit::Share,
        chart: Some("How often D is right"),
        equilibrium: Some((0.5, "a guess".into())),
        ..mean(name, label, tag)
    };
    let about_outputs = match (loss.relativistic, logit) {
        (true, _) => {
            "Only the distance between the two lines counts: the nearer they are, the less D can tell."
        }
        (_, true) => {
            "What D says of real, x, and of generated examples, G(z): 1 is “surely real”. The lines should come near \
             each other."
        }
        _ => {
            "Mean outputs on real, x, and on generated examples, G(z). The lines should come near each other."
        }
    };
    let (right_real, right_fake) = if loss.relativistic {
        let pairs = Statistic {
            about: "The share of pairs in which the real example gets the higher output.",
            ..accuracies(ACCURACY_REAL, "pairs ranked right", "accuracy/real")
        };
        // It is the same share, and one curve shows it.
        (pairs, mean(ACCURACY_FAKE, "generated", "accuracy/generated"))
    } else {
        let real = Statistic {
            about: "Shares of real examples taken for real, and of generated ones taken for generated.",
            ..accuracies(ACCURACY_REAL, "real", "accuracy/real")
        };
        (real, accuracies(ACCURACY_FAKE, "generated", "accuracy/generated"))
    };
    let mut all = vec![
        Statistic {
            equilibrium: Some((d * scale, d_rest)),
            about: "Means between lines of metrics, penalties not included. Losses do not fall as a classifier's do: \
                    each player's depends on how good the other is. Steady is good.",
            ..losses(D_LOSS, "D", "loss/D")
        },
        Statistic { equilibrium: rest.g_loss.map(written), ..losses(G_LOSS, "G", "loss/G") },
        Statistic { about: about_outputs, ..outputs(D_REAL, "D(x)", "output/real") },
        outputs(D_FAKE, "D(G(z))", "output/generated"),
        right_real,
        right_fake,
    ];
    if config.discriminator.condition == Some(Condition::Auxiliary) {
        let head = |name, label, tag| Statistic {
            unit: Unit::Share,
            chart: Some("How often the class head is right"),
            ..mean(name, label, tag)
        };
        all.push(Statistic {
            about: "Shares of real examples whose class D's head says, and of generated ones that it takes for the class \
                    they were asked for; a guess is 1 over the classes. The first should rise; the second follows it \
                    where G heeds the class. Losses above are without the head's.",
            ..head(CLASSES_REAL, "real", "classes/real")
        });
        all.push(head(CLASSES_FAKE, "generated", "classes/generated"));
    }
    if loss.penalised() {
        all.push(Statistic {
            unit: Unit::Magnitude,
            chart: Some("Gradient penalties"),
            about: "Logarithmic. With their factors, as D's loss has them added; they keep D from being steep.",
            ..mean(PENALTY, "penalty", PENALTY)
        });
    }
    all.extend(of_updates(&["D", "G"], config.train.precision == Precision::Fp16));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigBuilder;
    use crate::graph::{Graph, interp};
    use crate::models;
    use crate::models::objective;
    use crate::models::statistic::Gathered;
    use crate::rng::Moment;

    fn config(changes: &[&str]) -> Config {
        let mut builder = ConfigBuilder::recipe("ring").expect("there");
        changes.iter().for_each(|change| builder.set(change).expect("set"));
        builder.finish().expect("in range")
    }

    /// Each family's equilibrium is what its own objective gives where D says the same of everything.
    #[test]
    fn equilibria_are_those_of_the_objectives() {
        for (name, relativistic) in [
            ("minimax", false),
            ("non-saturating", false),
            ("non-saturating", true),
            ("least-squares", false),
            ("least-squares", true),
            ("hinge", false),
            ("hinge", true),
            ("wasserstein", false),
        ] {
            let [kind, pairs] =
                [format!("loss.objective={name}"), format!("loss.relativistic={relativistic}")];
            let loss = config(&[&kind, &pairs, "loss.discriminator_scale=1"]).loss;
            let e = equilibrium(&loss);
            let undecided = objective::threshold(loss.objective);
            let g = Graph::new();
            let x = g.constant(undecided, &[]);
            let values = [
                Some(objective::discriminator(&g, &loss, x, x)),
                Some(objective::generator(&g, &loss, relativistic.then_some(x), x)),
            ];
            for (value, expected) in values.into_iter().zip([Some(e.d_loss), e.g_loss]) {
                let Some((expected, _)) = expected else { continue };
                let (root, mut values) = (value.expect("a loss"), interp::Values::new());
                interp::run(&g, &[root], Moment { seed: 0, tick: 0 }, &mut values);
                let found = values[&root].data[0];
                assert!((found - expected).abs() < 1e-9, "{name} {relativistic}: {found}, told {expected}");
            }
        }
    }

    /// What the graphs compute is what the list says, no more and no less.
    #[test]
    fn every_output_of_a_step_is_listed() {
        for changes in [
            &[][..],
            &["loss.r1=0.1", "loss.penalty_every=4", "train.discriminator_updates=3"],
            &["loss.relativistic=true", "train.precision=\"fp16\""],
        ] {
            let game = models::usual(&config(changes));
            let plans = models::plans(&*game);
            let mut computed: Vec<_> =
                plans.iter().flat_map(|plan| plan.statistics().map(|o| o.name.clone())).collect();
            let mut listed: Vec<_> = game.statistics().into_iter().collect();
            listed.retain(|s| s.gathered == Gathered::Mean);
            let mut listed: Vec<_> = listed.into_iter().map(|s| s.name).collect();
            computed.sort();
            computed.dedup();
            listed.sort();
            assert_eq!(computed, listed, "{changes:?}");
        }
    }
}
