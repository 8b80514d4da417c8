import { expect, test } from 'vitest'
import { lackOf } from './connections.ts'

test('a server that takes too few connections is named, with what mends it', () => {
  expect(lackOf(100)).toBe(
    'Postgres takes 100 connections, and the services of a platform may want more when all are busy. ' +
      'As superuser: alter system set max_connections = 200; then restart Postgres',
  )
  expect(lackOf(199)).toContain('takes 199 connections')
  expect(lackOf(200)).toBeUndefined()
})
