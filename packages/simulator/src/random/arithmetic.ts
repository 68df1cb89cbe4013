// Logarithm and exponential from plain arithmetic. The language leaves the last bits of `Math.log`
// and `**` to each engine; a run must have the same bits in all of them. Sums, products and quotients
// are exact in IEEE 754, so these are.

const ln2 = Math.LN2;

/** The natural logarithm of a positive, finite number. */
export function naturalLog(value: number): number {
  let scale = 0;
  let mantissa = value;
  while (mantissa > 1.5) {
    mantissa /= 2;
    scale++;
  }
  while (mantissa < 0.75) {
    mantissa *= 2;
    scale--;
  }
  // ln m = 2 artanh((m - 1) / (m + 1)), and the argument is at most 0.2.
  const ratio = (mantissa - 1) / (mantissa + 1);
  const square = ratio * ratio;
  let power = ratio;
  let sum = 0;
  for (let k = 1; k <= 25; k += 2) {
    sum += power / k;
    power *= square;
  }
  return scale * ln2 + 2 * sum;
}

/** e to the power of a number of moderate size. */
export function exponentialOf(value: number): number {
  const scale = Math.round(value / ln2);
  const rest = value - scale * ln2;
  let term = 1;
  let sum = 1;
  for (let k = 1; k <= 16; k++) {
    term *= rest / k;
    sum += term;
  }
  let out = sum;
  for (let i = 0; i < scale; i++) out *= 2;
  for (let i = 0; i > scale; i--) out /= 2;
  return out;
}
