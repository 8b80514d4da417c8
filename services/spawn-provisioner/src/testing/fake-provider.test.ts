import { tmpdir } from 'node:os'
import { FakeClock } from '@powernode/clock/testing'
import { createLogger } from '@powernode/process'
import { FakeCloud, fakeProvider } from './fake-provider.ts'
import { providerSuite } from './provider-suite.ts'

providerSuite('fake', () => {
  const cloud = new FakeCloud()
  const deps = {
    clock: new FakeClock(),
    logger: createLogger('test', { level: 'silent' }),
    dir: tmpdir(),
    cacheDir: tmpdir(),
    environment: {},
  }
  return {
    open: () => fakeProvider(cloud)({}, deps),
    boot: (ref) => cloud.boot(ref),
    leftovers: (instanceId) => [...cloud.machines.keys()].filter((ref) => ref.includes(instanceId)),
    bootMs: 1_000,
  }
})
