import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { expect, test } from 'vitest'
import { kindObjection, versionObjection } from './by-version.ts'

const METHODS = FederationService.methods.map(({ localName }) => localName as keyof typeof FederationService.method) // its method keys
const reasons = (versionStatus: string, refusedKinds: string[] = []) =>
  new Map(METHODS.map((method) => [method, versionObjection({ versionStatus, refusedKinds }, method)?.reason]))

test('between versions that do not work together pass beats, statements and the certificate they need, and nothing else', () => {
  const passing = METHODS.filter((method) => !reasons('incompatible').get(method))
  expect(passing.toSorted()).toEqual([
    'accept',
    'addCheckpoint',
    'addEntries',
    'diagnose',
    'getTrustBundle',
    'heartbeat',
    'notifyCompromise',
    'notifyGrant',
    'notifyRelationship',
    'notifyRevocation',
    'publishTrustBundle',
    'renewCertificate',
  ])
})

test('between versions that work together, and before anything is known of them, everything passes', () => {
  for (const status of ['compatible', '']) expect([...reasons(status).values()].filter(Boolean)).toEqual([])
})

test('where all that writes is refused no node is enrolled; where kinds are, other things go on', () => {
  expect(reasons('degraded').get('enrollNode')).toBe('VERSION_KIND_REFUSED')
  expect([...reasons('degraded').values()].filter(Boolean)).toHaveLength(1)
  expect([...reasons('degraded', ['skill']).values()].filter(Boolean)).toEqual([])
})

test.each([
  ['degraded', [], 'skill', 'read', false],
  ['degraded', [], 'skill', 'write', true],
  ['degraded', [], 'skill', 'migrate', true],
  ['degraded', [], 'skill', 'admin', true],
  ['degraded', ['skill'], 'skill', 'read', true],
  ['degraded', ['skill'], 'agent', 'write', false],
  ['compatible', [], 'skill', 'write', false],
] as const)('%s refusing %j: %s to %s is refused: %s', (versionStatus, kinds, kind, scope, isRefused) => {
  expect(kindObjection({ versionStatus, refusedKinds: [...kinds] }, { kind, scope }) !== undefined).toBe(isRefused)
})
