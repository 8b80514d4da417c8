/** What a field holds, as text: also what should have been a word and is not, so that a message can show it. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
