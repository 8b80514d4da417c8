import { expect, test } from 'vitest'
import { requestIdFrom } from './request-id.ts'
import { childOf, traceparentOf } from './trace.ts'

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

test('our span is a child in the trace of the caller', () => {
  const { traceId, spanId, flags } = childOf(PARENT)
  expect([traceId, flags]).toEqual(['4bf92f3577b34da6a3ce929d0e0e4736', '01'])
  expect(spanId).not.toBe('00f067aa0ba902b7')
  expect(childOf(traceparentOf({ traceId, spanId, flags })).traceId).toBe(traceId)
})

test('a later version is read as far as the first one goes', () => {
  expect(childOf('01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes').traceId).toBe(
    '4bf92f3577b34da6a3ce929d0e0e4736',
  )
})

test.each([
  undefined,
  '',
  'nonsense',
  `${PARENT}-more`,
  PARENT.toUpperCase(),
  PARENT.replace('00-', 'ff-'),
  '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
  '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
])('%j begins a new trace', (header) => {
  expect(childOf(header).traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(childOf(header).traceId).not.toBe('4bf92f3577b34da6a3ce929d0e0e4736')
})

test.each(['short', 'with space', 'line\nbreak', 'x'.repeat(65), '../../etc/passwd'])(
  '%j is no request id',
  (header) => {
    expect(requestIdFrom(header)).toMatch(/^[0-9a-f-]{36}$/)
  },
)
