//! The figures that guesses weigh.

/// The mean; 0 of nothing.
pub(super) fn average(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The mean square of the distances from the mean.
pub(super) fn variance(values: &[f64]) -> f64 {
    let average = average(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - average) * (value - average)).collect();
    self::average(&squares)
}

/// The standard deviation, never quite 0: it divides.
pub(super) fn deviation(values: &[f64]) -> f64 {
    let deviation = variance(values).sqrt();
    if deviation < 1e-11 { 1e-9 } else { deviation }
}
