/** What JSON writes as it is, as nearly all texts are. */
const PLAIN = /^[\w .:/-]{0,80}$/

/** A text of somebody else's inside a sentence of ours: quoted, so that it cannot pretend to be ours, and not too long. */
export function shown(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text)
}

/** A moment inside a sentence, whatever number it is. */
export function moment(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `the moment ${ms}` : date.toISOString()
}
