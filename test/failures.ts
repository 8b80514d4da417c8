import { appendFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import type { SerializedError, TestCollection, TestModule } from 'vitest/node'

const MESSAGE_LINES = 8
const DIFF_LINES = 8
const STACK_LINES = 3
const LINE_LENGTH = 300

/**
 * What went wrong, a few lines for each failure: its file and title, what was said, and where. Whoever reads only the end of
 * a long run must find all of it there; so it is without colours, and shortened.
 *
 * MUST tell of each failure that `countsOf` counts.
 */
export function failuresOf(modules: readonly TestModule[], errorsOutside: readonly unknown[] = []): string[] {
  return [
    ...modules.flatMap(failuresIn),
    ...errorsOutside.flatMap((error) => failure('outside every test', [asError(error)])),
  ]
}

/** Adds them to the file that POWERNODE_FAILURES names, if it does: .ci/run shows at its end what failed in all of its parts. */
export function noteFailures(modules: readonly TestModule[], errorsOutside: readonly unknown[]): void {
  note(failuresOf(modules, errorsOutside))
}

export function note(texts: readonly string[]): void {
  const file = process.env['POWERNODE_FAILURES']
  if (file) for (const text of texts) appendFileSync(file, `${text}\n`)
}

function failuresIn(module: TestModule): string[] {
  const name = `[${module.project.name}] ${module.relativeModuleId}`
  const said = [
    ...of(name, 'the file as a whole', module.errors()),
    ...[...module.children.allSuites()].flatMap((suite) => of(name, suite.fullName, suite.errors())),
    ...testsOf(name, module.children),
  ]
  return said.length > 0 || module.ok() ? said : failure(`${name} > it did not end well, and says nothing of why`, [])
}

function testsOf(name: string, children: TestCollection): string[] {
  return [...children.allTests()].flatMap((test) => {
    const { state, errors } = test.result()
    if (state === 'pending') return failure(`${name} > ${test.fullName}`, [{ message: 'it began and never ended' }])
    return state === 'failed' ? failure(`${name} > ${test.fullName}`, errors ?? []) : []
  })
}

const of = (name: string, title: string, errors: readonly SerializedError[]): string[] =>
  errors.length === 0 ? [] : failure(`${name} > ${title}`, errors)

/** One text of several lines: the first begins with ✗, and the others are set in. */
function failure(title: string, errors: readonly SerializedError[]): string[] {
  const lines = errors.flatMap((error) => [
    ...linesOf(error.message, MESSAGE_LINES),
    ...linesOf(typeof error['diff'] === 'string' ? error['diff'] : '', DIFF_LINES),
    ...causesOf(error),
    ...placesOf(error),
  ])
  return [[`✗ ${title}`, ...lines.map((line) => `    ${shortened(line)}`)].join('\n')]
}

function causesOf({ cause }: SerializedError): string[] {
  return cause === undefined ? [] : [...linesOf(`because: ${cause.message}`, 2), ...causesOf(cause)]
}

/** Where it was thrown: of our own files if any is on the way, since a library's line tells little. */
function placesOf({ stack = '' }: SerializedError): string[] {
  const places = stack.split('\n').filter((line) => line.trimStart().startsWith('at '))
  const own = places.filter((line) => !/node_modules|node:internal/.test(line))
  return (own.length > 0 ? own : places).slice(0, STACK_LINES).map((line) => line.trim())
}

function linesOf(text: string, most: number): string[] {
  const lines = stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line.trim() !== '')
  if (lines.length <= most) return lines
  const head = Math.floor(most / 2)
  return [...lines.slice(0, head), `… ${lines.length - most} more lines`, ...lines.slice(head - most)]
}

/** Without its middle: what went wrong stands at either end, never there. */
function shortened(line: string): string {
  if (line.length <= LINE_LENGTH) return line
  return `${line.slice(0, LINE_LENGTH / 2)} … ${line.slice(-LINE_LENGTH / 2)}`
}

const asError = (error: unknown): SerializedError =>
  typeof error === 'object' && error !== null && 'message' in error
    ? (error as SerializedError) // as vitest sends it from the worker
    : { message: String(error) }
