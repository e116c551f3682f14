//! Curves that explain themselves: of each family of losses what equilibrium looks like, and where this run is.
//!
//! Equilibria are those of the objectives in [`crate::models::objective`] at p_g = p_data, where the best D cannot
//! tell the two apart.

use super::Story;
use crate::config::{Loss, Objective};
use crate::models::objective::{is_logit, loss_at_equilibrium};
use crate::numbers::{grouped, number, percent};
use crate::report::html::{Chart, Html, Series, element, figure, gallery, paragraph, strong, text};
use crate::run::Line;
use std::f64::consts::LN_2;

/// Points of a curve, at most.
const POINTS: usize = 240;

/// Makes a line of a number in each of the metrics' lines.
type Curve<'a> = dyn Fn(&str, &dyn Fn(&Line) -> f64) -> Series + 'a;

/// What a family's objectives are at equilibrium.
struct Equilibrium {
    /// D's loss, and how it is written; its factor is not in it yet.
    d_loss: (f64, &'static str),
    /// G's loss; absent where any value can be.
    g_loss: Option<(f64, &'static str)>,
    /// D's output on both; absent where only differences count.
    output: Option<(f64, &'static str)>,
    /// What it means.
    words: &'static str,
}

fn equilibrium(loss: &Loss) -> Equilibrium {
    let e = |d_loss, g_loss, output, words| Equilibrium {
        d_loss: (loss_at_equilibrium(loss), d_loss),
        g_loss,
        output,
        words,
    };
    match (loss.objective, loss.relativistic) {
        (Objective::NonSaturating, true) => e(
            "log 2",
            Some((LN_2, "log 2")),
            None,
            "D is asked one thing: which of a real and a generated example is the real one. At equilibrium it guesses: \
             it ranks half of the pairs right, and both losses stand at log 2 = 0.693. Only the difference of D's two \
             outputs counts; their common level means nothing. A D loss below log 2 says that D can still rank.",
        ),
        (Objective::LeastSquares, true) => e(
            "1/2",
            Some((0.5, "1/2")),
            None,
            "D's output on a real example should exceed that on a generated one by 1, and G wants the reverse. At \
             equilibrium the two outputs are equal and both losses stand at 1/2. Only the difference of outputs counts.",
        ),
        (Objective::Hinge, true) => e(
            "1",
            Some((1.0, "1")),
            None,
            "D's output on a real example should exceed that on a generated one by at least 1, and G wants the \
             reverse. At equilibrium the outputs are equal and both losses stand at 1. Only the difference counts.",
        ),
        (Objective::Minimax, _) => e(
            "2 log 2",
            Some((-LN_2, "−log 2")),
            Some((0.5, "½")),
            "At equilibrium G's distribution is the data's, the best D cannot tell them apart and says ½ of \
             everything: D(x) = D(G(z)) = ½. D's loss is then 2 log 2 = 1.386, G's −log 2 = −0.693, and the value \
             V(D, G) = −log 4, its least. Where D wins, D(G(z)) falls to 0 and with this loss G's gradient vanishes.",
        ),
        (Objective::NonSaturating, false) => e(
            "2 log 2",
            Some((LN_2, "log 2")),
            Some((0.5, "½")),
            "At equilibrium G's distribution is the data's, the best D cannot tell them apart and says ½ of \
             everything: D(x) = D(G(z)) = ½. D's loss is then 2 log 2 = 1.386, G's log 2 = 0.693, and the value \
             V(D, G) = −log 4. A G loss that grows while D's falls says that D is winning; it says nothing of how good \
             samples look.",
        ),
        (Objective::LeastSquares, false) => e(
            "1/4",
            Some((0.125, "1/8")),
            Some((0.5, "½")),
            "D learns to output 1 on real and 0 on generated examples, G wants 1. At equilibrium D says ½ of \
             everything: its loss is 1/4, G's 1/8. D's loss near 0 says that D tells the two apart.",
        ),
        (Objective::Hinge, false) => e(
            "2",
            None,
            None,
            "D pushes its output above 1 on real and below −1 on generated examples. At equilibrium its outputs on \
             both have the same mean, and its loss is 2 or more. D's loss near 0 says that D tells the two apart. G's \
             loss is minus D's output on samples: its level means nothing by itself.",
        ),
        (Objective::Wasserstein, _) => e(
            "0",
            None,
            None,
            "D is a critic: the gap between its mean outputs on real and on generated examples estimates the \
             Wasserstein distance between the two (times the critic's steepness). At equilibrium the gap is 0. Here a \
             falling gap does go with better samples; the outputs' level and G's loss mean nothing by themselves.",
        ),
    }
}

/// The losses' names and factors, in a sentence.
pub fn loss_in_words(loss: &Loss) -> String {
    let objective = match loss.objective {
        Objective::Minimax => "minimax: D: −log D(x) − log(1 − D(G(z))), G: log(1 − D(G(z)))",
        Objective::NonSaturating => "non-saturating: D: −log D(x) − log(1 − D(G(z))), G: −log D(G(z))",
        Objective::LeastSquares => "least squares: D: ½(D(x) − 1)² + ½D(G(z))², G: ½(D(G(z)) − 1)²",
        Objective::Hinge => "hinge: D: max(0, 1 − D(x)) + max(0, 1 + D(G(z))), G: −D(G(z))",
        Objective::Wasserstein => "Wasserstein: D: D(G(z)) − D(x), G: −D(G(z))",
    };
    let relativistic = match (loss.relativistic, loss.objective) {
        (false, _) => objective.to_string(),
        (true, Objective::NonSaturating) => {
            "relativistic pairing, r − f being D's logit on a real example less that on a generated one: D: −log \
             σ(r − f), G: −log σ(f − r)"
                .to_string()
        }
        (true, Objective::LeastSquares) => "relativistic pairing of least squares: D: ½(r − f − 1)², G: ½(f − r − 1)²".into(),
        (true, Objective::Hinge) => "relativistic pairing of hinges: D: max(0, 1 − (r − f)), G: max(0, 1 − (f − r))".into(),
        (true, _) => "relativistic pairing: D: f − r, G: r − f".into(),
    };
    let mut out = relativistic;
    if loss.discriminator_scale != 1.0 {
        out += &format!("; D's is multiplied by {}", loss.discriminator_scale);
    }
    let weights = [("R1, γ", loss.r1), ("R2, γ", loss.r2), ("gradient penalty, λ", loss.gradient_penalty)];
    for (name, weight) in weights.into_iter().filter(|(_, w)| *w > 0.0) {
        out += &format!("; {name} {weight}");
    }
    match loss.penalty_every {
        _ if !loss.penalised() => out,
        1 => out,
        n => out + &format!(", every {n} steps"),
    }
}

/// Means over the newest tenth of the lines, at most 50: where a run is now.
fn now(lines: &[Line], of: impl Fn(&Line) -> f64) -> f64 {
    let newest = newest(lines);
    newest.iter().map(of).sum::<f64>() / newest.len() as f64
}

fn newest(lines: &[Line]) -> &[Line] {
    &lines[lines.len() - (lines.len() / 10).clamp(1, 50).min(lines.len())..]
}

/// Where the two players are between equilibrium and D never being wrong.
fn here(loss: &Loss, lines: &[Line]) -> String {
    let d = now(lines, |l| l.d_loss) / f64::from(loss.discriminator_scale);
    let gap = now(lines, |l| l.d_real) - now(lines, |l| l.d_fake);
    let right = 0.5 * (now(lines, |l| l.accuracy_real) + now(lines, |l| l.accuracy_fake));
    if loss.objective == Objective::Wasserstein {
        let gaps = lines.iter().map(|l| -l.d_loss / f64::from(loss.discriminator_scale));
        let greatest = number(gaps.fold(f64::NEG_INFINITY, f64::max));
        return format!(
            "the critic's estimate of the distance is {}; at its greatest it was {greatest}.",
            number(-d)
        );
    }
    let (least, name) = equilibrium(loss).d_loss;
    let evidence = if loss.relativistic {
        format!(
            "D ranks {} of pairs right, and its loss is {} ({name} when it guesses)",
            percent(right),
            number(d)
        )
    } else {
        let outputs = match is_logit(loss.objective) {
            true => {
                format!("D(x) = {:.2}, D(G(z)) = {:.2}", now(lines, |l| l.d_real), now(lines, |l| l.d_fake))
            }
            false => format!("D's mean outputs differ by {}", number(gap)),
        };
        let bound = match is_logit(loss.objective) {
            // V(D, G) ≤ −log 4 + 2 JSD, with equality for the best D.
            true => format!(
                "; as far as D sees, data and samples are at least {} of log 2 apart in Jensen-Shannon divergence",
                percent(((2.0 * LN_2 - d) / (2.0 * LN_2)).max(0.0))
            ),
            false => String::new(),
        };
        let right = percent(right);
        format!(
            "{outputs}, D judges {right} of all examples right, its loss is {} ({name} at equilibrium){bound}",
            number(d)
        )
    };
    let standing = match d / least {
        share if share > 1.15 => "D is behind: it does worse than a guess.",
        share if share > 0.9 => "D can hardly tell samples from data.",
        share if share > 0.4 => "D is ahead, and G has a gradient to follow.",
        share if share > 0.1 => "D is far ahead.",
        _ => "D tells samples from data almost always.",
    };
    format!("{evidence}. {standing}")
}

/// The charts, each with what it should look like.
pub fn section(story: &Story) -> Vec<Html> {
    let lines = &story.lines;
    if lines.is_empty() {
        return vec![paragraph("No line of metrics has been written yet.")];
    }
    let loss = &story.config.loss;
    let (e, scale) = (equilibrium(loss), f64::from(loss.discriminator_scale));
    let curve = |name: &str, of: &dyn Fn(&Line) -> f64| {
        let points: Vec<[f64; 2]> = lines.iter().map(|l| [l.step as f64, of(l)]).collect();
        Series::thinned(name, &points, POINTS)
    };
    let mut figures = vec![losses(&e, scale, &curve)];
    figures.push(outputs(loss, &e, &curve));
    if is_logit(loss.objective) && !loss.relativistic {
        let value = Chart::new("Value V(D, G)")
            .series(curve("V(D, G)", &|l| -l.d_loss / scale))
            .reference(-2.0 * LN_2, "−log 4 = −1.386")
            .reference(0.0, "0: D is never wrong");
        figures.push(figure(
            value.html(),
            "The paper's equation 1. For the best D it is −log 4 + 2·JSD(data, samples): from 0, where D is never \
             wrong, down to −log 4, where samples are distributed as the data are. Below that, D is worse than a guess.",
        ));
    }
    if loss.objective == Objective::Wasserstein {
        let gap = Chart::new("The critic's estimate of the distance")
            .series(curve("D(x) − D(G(z))", &|l| -l.d_loss / scale));
        figures.push(figure(gap.reference(0.0, "0 at equilibrium").html(), "It should fall towards 0."));
    }
    figures.push(accuracies(loss, &curve));
    let norms = Chart::new("Gradient norms")
        .log()
        .series(curve("D", &|l| l.d_gradient_norm))
        .series(curve("G", &|l| l.g_gradient_norm));
    figures.push(figure(
        norms.html(),
        "Logarithmic. Both should stay within a decade or two. G's falling towards 0 while D's accuracy is near 1 says \
         that G no longer learns; a sudden rise often comes before NaN.",
    ));
    if lines.iter().any(|l| l.penalty.is_some_and(|p| p > 0.0)) {
        let penalty = Chart::new("Gradient penalties").log();
        let penalty = penalty.series(curve("penalty", &|l| l.penalty.unwrap_or(f64::NAN)));
        figures.push(figure(
            penalty.html(),
            "Logarithmic. With their factors, as D's loss has them added; they keep D from being steep.",
        ));
    }
    if lines.iter().any(|l| l.d_loss_scale.is_some()) {
        let scales = Chart::new("fp16 loss scales")
            .log()
            .series(curve("D", &|l| l.d_loss_scale.unwrap_or(f64::NAN)))
            .series(curve("G", &|l| l.g_loss_scale.unwrap_or(f64::NAN)));
        figures.push(figure(scales.html(), "Logarithmic. They rise until a gradient overflows, then halve. One that falls to 1 says that fp16 does not suffice."));
    }
    let factor = match loss.discriminator_scale {
        1.0 => String::new(),
        s => format!(
            " Here D's loss is multiplied by {s}: its equilibrium is at {}.",
            number(e.d_loss.0 * scale)
        ),
    };
    let band = if lines.len() > POINTS {
        " Lines are means over neighbouring values, bands their extremes."
    } else {
        ""
    };
    let steps = grouped(newest(lines).len() as u64 * story.config.log.every);
    let here = Html::all([
        strong("This run"),
        text(&format!(" over its last {steps} steps: {}", here(loss, lines))),
    ]);
    vec![paragraph(&format!("{}{factor}{band}", e.words)), element("p", "", here), gallery(figures)]
}

fn losses(e: &Equilibrium, scale: f64, curve: &Curve) -> Html {
    let mut chart = Chart::new("Losses").series(curve("D", &|l| l.d_loss)).series(curve("G", &|l| l.g_loss));
    let (d, name) = e.d_loss;
    let (d, name) = (d * scale, if scale == 1.0 { name.to_string() } else { format!("{scale} · {name}") });
    match e.g_loss {
        Some((g, _)) if (d - g).abs() < 1e-9 => {
            chart = chart.reference(d, &format!("both at equilibrium: {name}"));
        }
        g => {
            chart = chart.reference(d, &format!("D at equilibrium: {name}"));
            if let Some((y, name)) = g {
                chart = chart.reference(y, &format!("G at equilibrium: {name}"));
            }
        }
    }
    figure(
        chart.html(),
        "Means between lines of metrics, penalties not included. Losses do not fall as a classifier's do: each player's \
         depends on how good the other is. Steady is good.",
    )
}

fn outputs(loss: &Loss, e: &Equilibrium, curve: &Curve) -> Html {
    let logit = is_logit(loss.objective);
    let mut chart = Chart::new(if logit { "D's probabilities" } else { "D's outputs" })
        .series(curve("D(x), real", &|l| l.d_real))
        .series(curve("D(G(z)), generated", &|l| l.d_fake));
    if logit {
        chart = chart.y_range([0.0, 1.0]);
    }
    if let Some((y, name)) = e.output {
        chart = chart.reference(y, &format!("equilibrium: {name}"));
    }
    let caption = match (loss.relativistic, logit) {
        (true, _) => {
            "Only the distance between the two lines counts: the nearer they are, the less D can tell."
        }
        (_, true) => {
            "What D says of real and of generated examples: 1 is “surely real”. The lines should come near each other."
        }
        _ => "Mean outputs on real and generated examples. The lines should come near each other.",
    };
    figure(chart.html(), caption)
}

fn accuracies(loss: &Loss, curve: &Curve) -> Html {
    let chart = Chart::new("How often D is right").y_range([0.0, 1.0]).reference(0.5, "a guess");
    if loss.relativistic {
        let chart = chart.series(curve("pairs ranked right", &|l| l.accuracy_real));
        return figure(chart.html(), "The share of pairs in which the real example gets the higher output.");
    }
    let chart =
        chart.series(curve("real", &|l| l.accuracy_real)).series(curve("generated", &|l| l.accuracy_fake));
    figure(chart.html(), "Shares of real examples taken for real, and of generated ones taken for generated.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigBuilder;
    use crate::rng::Moment;

    fn line(loss: [f64; 2], output: [f64; 2], accuracy: f64) -> Line {
        serde_json::from_value(serde_json::json!({
            "step": 100, "seconds": 1.0, "d_loss": loss[0], "g_loss": loss[1], "d_real": output[0], "d_fake": output[1],
            "accuracy_real": accuracy, "accuracy_fake": accuracy, "d_gradient_norm": 1.0, "g_gradient_norm": 1.0,
        }))
        .expect("a line")
    }

    fn loss(objective: &str, relativistic: bool, scale: f32) -> Loss {
        let mut layers = ConfigBuilder::recipe("ring").expect("there");
        layers.set(&format!("loss.objective={objective}")).expect("set");
        layers.set(&format!("loss.relativistic={relativistic}")).expect("set");
        layers.set(&format!("loss.discriminator_scale={scale}")).expect("set");
        layers.finish().expect("in range").loss
    }

    /// Each family's equilibrium is what its own objective gives where D says the same of everything.
    #[test]
    fn equilibria_are_those_of_the_objectives() {
        use crate::graph::{Graph, interp};
        use crate::models::objective;
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
            let loss = loss(name, relativistic, 1.0);
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

    #[test]
    fn a_run_is_placed_between_equilibrium_and_defeat() {
        let say = |loss: &Loss, l: Line| here(loss, &[l]);
        let ns = loss("non-saturating", false, 1.0);
        assert!(say(&ns, line([1.38, 0.7], [0.5, 0.5], 0.5)).contains("hardly"));
        assert!(say(&ns, line([0.9, 1.5], [0.7, 0.3], 0.8)).contains("at least 35 % of log 2"));
        assert!(say(&ns, line([0.01, 6.0], [0.99, 0.01], 1.0)).contains("almost always"));
        assert!(say(&ns, line([2.5, 0.2], [0.3, 0.7], 0.2)).contains("behind"));
        let half = loss("non-saturating", false, 0.5);
        assert!(say(&half, line([0.69, 0.7], [0.5, 0.5], 0.5)).contains("hardly"), "its factor counts");
        let pairs = loss("non-saturating", true, 1.0);
        assert!(say(&pairs, line([0.69, 0.7], [0.9, 0.9], 0.5)).contains("hardly"));
        let critic = loss("wasserstein", false, 1.0);
        let told = here(&critic, &[line([-8.0, 0.0], [8.0, 0.0], 1.0), line([-0.5, 0.0], [0.5, 0.0], 1.0)]);
        assert!(told.contains("distance is 0.500; at its greatest it was 8"), "{told}");
    }
}
