/**
 * Text that another platform chose, fit for one line on an operator's terminal: no control, format or line characters
 * (a terminal obeys some of them), and not endless.
 */
export function printable(said: string, longest = 500): string {
  const line = said.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length > longest ? `${line.slice(0, longest - 1).toWellFormed()}…` : line
}
