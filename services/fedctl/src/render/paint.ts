import { stripVTControlCharacters, styleText } from 'node:util'

/** Colours that mean something: good, needs an eye, bad, and what may be skipped. */
export type Paint = {
  readonly good: (text: string) => string
  readonly warn: (text: string) => string
  readonly bad: (text: string) => string
  readonly dim: (text: string) => string
  readonly bold: (text: string) => string
}

type Style = Parameters<typeof styleText>[0]

export function paint(colours: boolean): Paint {
  const style = (format: Style) => (text: string) =>
    colours ? styleText(format, text, { validateStream: false }) : text
  return { good: style('green'), warn: style('yellow'), bad: style('red'), dim: style('dim'), bold: style('bold') }
}

/** Columns a text takes on a terminal. */
export const widthOf = (text: string): number => stripVTControlCharacters(text).length

/** What comes from elsewhere may hold control characters that move the cursor or rewrite the screen. */
export function harmless(text: string): string {
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}

/** The same, fit for one line: or else whoever wrote it would write the lines below it too. */
export const harmlessLine = (text: string): string => harmless(text.replaceAll(/\s*[\n\r\u0085\u2028\u2029]\s*/g, ' '))

/** What is left when somebody forgot: a text for a terminal that does no more to it than colour, as we do. */
export const colouredOnly = (text: string): string =>
  text.replaceAll(
    /\u001b(?!\[[0-9;]{0,16}m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    '\ufffd',
  )

export function stateColour(paint: Paint, state: string): (text: string) => string {
  return STATE_COLOURS[state]?.(paint) ?? ((text) => text)
}

const STATE_COLOURS: Readonly<Record<string, (paint: Paint) => (text: string) => string>> = {
  active: (to) => to.good,
  degraded: (to) => to.bad,
  suspended: (to) => to.warn,
  revoked: (to) => to.dim,
  proposed: (to) => to.warn,
  accepted: (to) => to.warn,
}
