import type { Environment } from '../environment.ts'

/** A machine without a terminal, whose output can be read afterwards. */
export type TestEnvironment = Environment & { readonly said: { out: string; err: string } }

export function testEnvironment(overrides: Partial<Environment> = {}): TestEnvironment {
  const said = { out: '', err: '' }
  return {
    cwd: '/nowhere',
    home: '/nowhere',
    context: undefined,
    colours: false,
    columns: undefined,
    canAsk: false,
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    readInput: () => '',
    ask: () => Promise.reject(new Error('nobody is there to ask')),
    ...overrides,
    said,
  }
}
