import { harmless, harmlessLine, widthOf, type Paint } from './paint.ts'

export type Column<Row> = {
  readonly title: string
  readonly text: (row: Row) => string
  readonly colour?: (row: Row) => (text: string) => string
}

/**
 * Rows under their titles, two spaces apart; the last column is cut where a terminal ends, never for a program.
 *
 * Texts come from other platforms too, so nothing in them reaches the terminal as a command.
 */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], to: Paint, width?: number): string {
  const cells = rows.map((row) => columns.map((column) => harmlessLine(column.text(row))))
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((line) => widthOf(line[index] ?? ''))),
  )
  const room = width === undefined ? undefined : width - widths.slice(0, -1).reduce((sum, size) => sum + size + 2, 0)
  const line = (texts: readonly string[], paintCell: (text: string, index: number) => string): string =>
    texts
      .map((text, index) => {
        const isLast = index === columns.length - 1
        const shown = isLast ? cut(text, room) : text
        return paintCell(shown, index) + (isLast ? '' : ' '.repeat((widths[index] ?? 0) - widthOf(shown) + 2))
      })
      .join('')
      .trimEnd()
  const head = line(
    columns.map(({ title }) => title),
    (text) => to.dim(text),
  )
  const body = rows.map((row, at) =>
    line(cells[at] ?? [], (text, index) => columns[index]?.colour?.(row)(text) ?? text),
  )
  return [head, ...body].join('\n')
}

export type Fact = readonly [name: string, value: string, colour?: ((text: string) => string) | undefined]

/** A list of `name  value` lines, names in one column; empty values are left out. */
export function sheet(facts: readonly Fact[], to: Paint, indent = ''): string {
  const shown = facts.filter(([, value]) => value !== '' && value !== '-')
  const width = Math.max(0, ...shown.map(([name]) => name.length))
  return shown
    .map(([name, value, colour = (text) => text]) => {
      const [first = '', ...more] = value.split('\n').map((line) => colour(harmless(line)))
      const hang = indent + ' '.repeat(width + 2)
      return [`${indent}${to.dim(name.padEnd(width))}  ${first}`, ...more.map((text) => hang + text)].join('\n')
    })
    .join('\n')
}

function cut(text: string, room: number | undefined): string {
  if (room === undefined || widthOf(text) <= room || room < 8) return text
  return `${text.slice(0, room - 1)}…`
}
