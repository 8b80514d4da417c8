import { Code } from '@connectrpc/connect'
import { Reason as Wire } from '@powernode/proto/powernode/refusal/v1/refusal_pb.ts'
import { STATUS, type Reason } from '@powernode/rpc'
import { describe, expect, test } from 'vitest'
import { production, read } from './sources.ts'

type Row = { readonly status: string; readonly means: string; readonly advice: string }

const ROWS = new Map<string, Row>(
  read('docs/errors.md')
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const [, reason = '', status = '', means = '', advice = ''] = /^(\w+)\n\n`(\w+)` · (.+)\n\n\*\*Do:\*\* (.+)\n/.exec(section) ?? [] // prettier-ignore
      return [reason, { status, means, advice }]
    }),
)
const REASONS = Object.keys(Wire).filter((key) => !/^\d+$/.test(key) && key !== 'UNSPECIFIED') as Reason[]
/** Whatever says a reason: production code, but not the table of their statuses. */
const SAYING = production('{libs,services}/**/src/**/*.ts').filter(
  ({ path }) => path !== 'libs/rpc/src/errors/refusal.ts',
)

test('every reason has a row in docs/errors.md, and every row a reason', () => {
  expect([...ROWS.keys()].toSorted()).toEqual(REASONS.toSorted())
})

describe.each(REASONS)('%s', (reason) => {
  const row = ROWS.get(reason) ?? { status: '', means: '', advice: '' }

  test('has the status it has on the wire, says what it means and what to do', () => {
    expect(row.status).toBe(snake(Code[STATUS[reason]]))
    expect(row.means.length).toBeGreaterThan(20)
    expect(row.advice.length).toBeGreaterThan(5)
  })

  test('is said by some service, unless the page calls it reserved', () => {
    const said = SAYING.some(({ text }) => text.includes(`'${reason}'`))
    expect(said, row.means).toBe(!row.means.startsWith('Reserved'))
  })
})

test('the catalogue lies where every refusal points to', () => {
  const pointing = read('libs/rpc/src/errors/details.ts')
  expect(pointing).toContain('docs/errors.md#${reason.toLowerCase()}')
})

const snake = (name = ''): string => name.replaceAll(/(?<=.)([A-Z])/g, '_$1').toUpperCase()
