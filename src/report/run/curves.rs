//! Curves that explain themselves: a chart for every family of a model's statistics, what equilibrium looks like in it,
//! and where this run is.

use super::Story;
use crate::config::{Loss, Objective};
use crate::models::Statistic;
use crate::models::equilibrium::equilibrium;
use crate::models::objective::is_logit;
use crate::models::statistic::{ACCURACY_FAKE, ACCURACY_REAL, D_FAKE, D_LOSS, D_REAL, Unit};
use crate::numbers::{grouped, number, percent};
use crate::report::html::{Chart, Html, Series, element, figure, gallery, paragraph, strong, text};
use crate::run::Line;
use std::f64::consts::LN_2;

/// Points of a curve, at most.
const POINTS: usize = 240;

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

/// A number's mean over the newest tenth of the lines, at most 50: where a run is now. None where no line has it.
fn now(lines: &[Line], name: &str) -> Option<f64> {
    let values: Vec<f64> = newest(lines).iter().filter_map(|line| line.get(name)).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn newest(lines: &[Line]) -> &[Line] {
    &lines[lines.len() - (lines.len() / 10).clamp(1, 50).min(lines.len())..]
}

/// Where the two players are between equilibrium and D never being wrong; none where the model has no such players.
fn here(loss: &Loss, lines: &[Line]) -> Option<String> {
    let scale = f64::from(loss.discriminator_scale);
    let d = now(lines, D_LOSS)? / scale;
    if loss.objective == Objective::Wasserstein {
        let gaps = lines.iter().filter_map(|l| Some(-l.get(D_LOSS)? / scale));
        let greatest = number(gaps.fold(f64::NEG_INFINITY, f64::max));
        return Some(format!(
            "the critic's estimate of the distance is {}; at its greatest it was {greatest}.",
            number(-d)
        ));
    }
    let [real, fake] = [now(lines, D_REAL)?, now(lines, D_FAKE)?];
    let right = percent(0.5 * (now(lines, ACCURACY_REAL)? + now(lines, ACCURACY_FAKE)?));
    let (least, name) = equilibrium(loss).d_loss;
    let evidence = if loss.relativistic {
        format!("D ranks {right} of pairs right, and its loss is {} ({name} when it guesses)", number(d))
    } else {
        let outputs = match is_logit(loss.objective) {
            true => format!("D(x) = {real:.2}, D(G(z)) = {fake:.2}"),
            false => format!("D's mean outputs differ by {}", number(real - fake)),
        };
        let bound = match is_logit(loss.objective) {
            // V(D, G) ≤ −log 4 + 2 JSD, with equality for the best D.
            true => format!(
                "; as far as D sees, data and samples are at least {} of log 2 apart in Jensen-Shannon divergence",
                percent(((2.0 * LN_2 - d) / (2.0 * LN_2)).max(0.0))
            ),
            false => String::new(),
        };
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
    Some(format!("{evidence}. {standing}"))
}

/// The charts, each with what it should look like.
pub fn section(story: &Story) -> Vec<Html> {
    let lines = &story.lines;
    if lines.is_empty() {
        return vec![paragraph("No line of metrics has been written yet.")];
    }
    let loss = &story.config.loss;
    let statistics = story.game.statistics();
    let band = if lines.len() > POINTS {
        "Lines are means over neighbouring values, bands their extremes."
    } else {
        ""
    };
    let (mut figures, mut drawn) = (vec![], vec![]);
    for title in statistics.iter().filter_map(|s| s.chart) {
        if drawn.contains(&title) {
            continue;
        }
        drawn.push(title);
        let family: Vec<&Statistic> = statistics.iter().filter(|s| s.chart == Some(title)).collect();
        figures.extend(family_chart(title, &family, lines));
        if family.iter().any(|s| s.name == D_LOSS) {
            figures.extend(of_d_loss(loss, lines));
        }
    }
    let mut section = vec![];
    if let Some(rest) = story.game.equilibrium() {
        let factor = match loss.discriminator_scale {
            1.0 => String::new(),
            s => format!(
                " Here D's loss is multiplied by {s}: its equilibrium is at {}.",
                number(rest.d_loss.0 * f64::from(s))
            ),
        };
        section.push(paragraph(format!("{}{factor} {band}", rest.words).trim_end()));
    } else if !band.is_empty() {
        section.push(paragraph(band));
    }
    if let Some(here) = here(loss, lines) {
        let steps = grouped(newest(lines).len() as u64 * story.config.log.every);
        let told = [strong("This run"), text(&format!(" over its last {steps} steps: {here}"))];
        section.push(element("p", "", Html::all(told)));
    }
    section.push(gallery(figures));
    section
}

/// A number of every line that has it, times a factor.
fn curve(label: &str, lines: &[Line], name: &str, factor: f64) -> Series {
    let points = lines.iter().filter_map(|l| Some([l.step as f64, factor * l.get(name)?]));
    Series::thinned(label, &points.collect::<Vec<_>>(), POINTS)
}

/// Statistics that share a title, with their equilibria; none where no line has one of them that can be drawn.
fn family_chart(title: &str, family: &[&Statistic], lines: &[Line]) -> Option<Html> {
    let unit = family.first()?.unit;
    let is_drawn = |value: f64| unit != Unit::Magnitude || value > 0.0;
    if !lines.iter().any(|l| family.iter().any(|s| l.get(&s.name).is_some_and(is_drawn))) {
        return None;
    }
    let mut chart = Chart::new(title);
    chart = match unit {
        Unit::Share => chart.y_range([0.0, 1.0]),
        Unit::Magnitude => chart.log(),
        Unit::Value | Unit::Count => chart,
    };
    for statistic in family {
        chart = chart.series(curve(&statistic.label, lines, &statistic.name, 1.0));
    }
    for (y, name) in references(family) {
        chart = chart.reference(y, &name);
    }
    let about: Vec<&str> = family.iter().map(|s| s.about).filter(|about| !about.is_empty()).collect();
    Some(figure(chart.html(), &about.join(" ")))
}

/// Where a chart's curves rest: one line where they share the value.
fn references(family: &[&Statistic]) -> Vec<(f64, String)> {
    let values: Vec<_> = family.iter().filter_map(|s| Some((&s.label, s.equilibrium.as_ref()?))).collect();
    let Some((_, (first, written))) = values.first() else { return vec![] };
    let is_shared = values.len() == family.len() && values.iter().all(|(_, (y, _))| (y - first).abs() < 1e-9);
    let whose = match values.len() {
        1 => "",
        2 => "both ",
        _ => "all ",
    };
    match is_shared {
        true => vec![(*first, format!("{whose}at equilibrium: {written}"))],
        false => values.iter().map(|(l, (y, name))| (*y, format!("{l} at equilibrium: {name}"))).collect(),
    }
}

/// What D's loss stands for in some families: the value of the game, or the distance that a critic estimates.
fn of_d_loss(loss: &Loss, lines: &[Line]) -> Option<Html> {
    let per_loss = -1.0 / f64::from(loss.discriminator_scale);
    if is_logit(loss.objective) && !loss.relativistic {
        let value = Chart::new("Value V(D, G)")
            .series(curve("V(D, G)", lines, D_LOSS, per_loss))
            .reference(-2.0 * LN_2, "−log 4 = −1.386")
            .reference(0.0, "0: D is never wrong");
        return Some(figure(
            value.html(),
            "The paper's equation 1. For the best D it is −log 4 + 2·JSD(data, samples): from 0, where D is never \
             wrong, down to −log 4, where samples are distributed as the data are. Below that, D is worse than a guess.",
        ));
    }
    let gap = Chart::new("The critic's estimate of the distance")
        .series(curve("D(x) − D(G(z))", lines, D_LOSS, per_loss))
        .reference(0.0, "0 at equilibrium");
    (loss.objective == Objective::Wasserstein).then(|| figure(gap.html(), "It should fall towards 0."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigBuilder;

    fn line(loss: [f64; 2], output: [f64; 2], accuracy: f64) -> Line {
        serde_json::from_value(serde_json::json!({
            "step": 100, "seconds": 1.0, "d_loss": loss[0], "g_loss": loss[1], "d_real": output[0], "d_fake": output[1],
            "accuracy_real": accuracy, "accuracy_fake": accuracy, "d_gradient_norm": 1.0, "g_gradient_norm": 1.0,
        }))
        .expect("a line")
    }

    fn loss(objective: &str, relativistic: bool, scale: f32) -> Loss {
        let mut builder = ConfigBuilder::recipe("ring").expect("there");
        builder.set(&format!("loss.objective={objective}")).expect("set");
        builder.set(&format!("loss.relativistic={relativistic}")).expect("set");
        builder.set(&format!("loss.discriminator_scale={scale}")).expect("set");
        builder.finish().expect("in range").loss
    }

    #[test]
    fn a_run_is_placed_between_equilibrium_and_defeat() {
        let say = |loss: &Loss, l: Line| here(loss, &[l]).expect("D and G");
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
        let told = here(&critic, &[line([-8.0, 0.0], [8.0, 0.0], 1.0), line([-0.5, 0.0], [0.5, 0.0], 1.0)])
            .expect("D and G");
        assert!(told.contains("distance is 0.500; at its greatest it was 8"), "{told}");
    }
}
