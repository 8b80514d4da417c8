import { expect, test } from 'vitest'
import { endsOfRange } from './ends-of-range.ts'

test('an address is asked about as it is', () => {
  expect(endsOfRange('192.0.2.7')).toEqual(['192.0.2.7'])
  expect(endsOfRange('2001:db8::7')).toEqual(['2001:db8::7'])
})

test('a range is asked about at both of its ends', () => {
  expect(endsOfRange('10.20.0.0/16')).toEqual(['10.20.0.0', '10.20.255.255'])
  expect(endsOfRange('10.20.0.7/32')).toEqual(['10.20.0.7'])
  expect(endsOfRange('2001:db8::/126')[0]).toMatch(/^2001:db8:/)
  expect(endsOfRange('2001:db8::/126')).toHaveLength(2)
})

test('what is neither is a misuse', () => {
  for (const text of ['10.20.0', 'ten', '10.20.0.0/33', '10.20.0.0/x', '/8'])
    expect(() => endsOfRange(text), text).toThrow(/no (address|range)/)
})
