import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ConfigInvalid } from '@powernode/process'
import { expect, test } from 'vitest'
import { networkConfigFrom } from './config.ts'

const file = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../../deploy/${path}`, import.meta.url)), 'utf8')

/** What systemd would hand it: the lines of the environment file, and those of the unit. */
function shipped(): Record<string, string> {
  const unit = /^Environment=(.*)$/m.exec(file('systemd/powernode-network.service'))?.[1]?.split(' ') ?? []
  const lines = file('env/network.env').split('\n')
  return Object.fromEntries(
    [...unit, ...lines].flatMap((line) => {
      const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? []
      return name === undefined || value === undefined ? [] : [[name, value]]
    }),
  )
}

test('the shipped unit and its environment are ones that the agent starts with', () => {
  expect(networkConfigFrom(shipped())).toMatchObject({
    mode: 'apply',
    stateDir: '/var/lib/powernode-network',
    sdwanAddress: { host: 'control.example.org', port: 7407 },
    vrfKind: 'kernel',
    frrPathspace: undefined,
    keptPorts: [22],
    confirmWithinMs: 30_000,
  })
})

test('a node that is a namespace has the FRR of that name, unless another is named', () => {
  expect(networkConfigFrom({ ...shipped(), NETNS: 'blue' }).frrPathspace).toBe('blue')
  expect(networkConfigFrom({ ...shipped(), NETNS: 'blue', FRR_PATHSPACE: 'red' }).frrPathspace).toBe('red')
})

test.each([
  ['NETNS', '../etc'],
  ['NETNS', '-batch'],
  ['FRR_PATHSPACE', 'a b'],
  ['MODE', 'force'],
  ['CONFIRM_WITHIN', '30'],
  ['KEPT_PORTS', 'ssh'],
])('%s=%s is refused at the start', (name, value) => {
  expect(() => networkConfigFrom({ ...shipped(), [name]: value })).toThrow(ConfigInvalid)
})
