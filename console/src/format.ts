/** Numbers and times as a person reads them. */

export function thousands(number: number): string {
  return Math.round(number).toLocaleString("en");
}

/** A number and its noun, such as `1 turn` and `2 turns`. */
export function plural(number: number, noun: string): string {
  return `${thousands(number)} ${noun}${number === 1 ? "" : "s"}`;
}

export function percent(share: number | undefined): string {
  if (share === undefined || !Number.isFinite(share)) return "–";
  return `${(share * 100).toFixed(share === 0 || share === 1 ? 0 : 1)} %`;
}

export function seconds(value: number): string {
  if (value < 0.001) return `${Math.round(value * 1e6)} µs`;
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 60) return `${value.toFixed(1)} s`;
  return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

/** A large number, shortened: `1.2 M`. */
export function large(value: number): string {
  const units = ["", " k", " M", " G", " T"];
  let [number, unit] = [value, 0];
  while (number >= 1000 && unit < units.length - 1) [number, unit] = [number / 1000, unit + 1];
  return `${unit === 0 ? Math.round(number * 10) / 10 : number.toFixed(1)}${units[unit]}`;
}

/** A time of any length, in its two largest units. */
export function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let [number, unit] = [value, 0];
  while (number >= 1000 && unit < units.length - 1) [number, unit] = [number / 1000, unit + 1];
  return `${unit === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)} ${units[unit]}`;
}
