import { expect, test } from 'vitest'
import { decisionFromBody } from './decision-wire.ts'

test('a decision that a later gateway wrote is read as far as it is known here', () => {
  const body = '{"allowed":true,"at":"2026-03-01T12:00:00.000Z","id":"1","said_later":{"more":1}}'
  expect(decisionFromBody(body)).toMatchObject({ id: '1', allowed: true })
})
