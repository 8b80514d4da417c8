import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { OvnDeployment } from '../../world.ts'
import { compileOvn } from './compile-ovn.ts'
import {
  aclOf,
  anything,
  deploymentOf,
  empty,
  idOf,
  open,
  portOf,
  services,
  switchOf,
  tenants,
} from './testing/deployments.ts'

const shown = (deployment: OvnDeployment): string => {
  const { plan, problems } = compileOvn(deployment)
  expect(problems).toEqual([])
  const commands = plan?.commands.map((command) =>
    command.map((word) => (/[\s"|!]/.test(word) ? `'${word}'` : word)).join(' '),
  )
  const desired = Object.entries(plan?.desired ?? {}).flatMap(([kind, names]) => names.map((name) => `${kind} ${name}`))
  return `${[plan?.nbEndpoint, ...(commands ?? []), ...desired].join('\n')}\n`
}

const codes = (deployment: OvnDeployment): string[] =>
  compileOvn(deployment).problems.map(({ fatal, code, record }) => `${fatal ? 'fatal ' : ''}${code} ${record}`)

const onOneSwitch = (...acls: Parameters<typeof aclOf>[1][]): OvnDeployment =>
  deploymentOf({ switches: [switchOf(1, { ports: [portOf(1, {})], acls: acls.map((said, n) => aclOf(n, said)) })] })

describe('what a deployment becomes', () => {
  test.each(Object.entries({ tenants, services, open, empty }))(
    '%s: as it was looked at and kept',
    async (name, deployment) => {
      await expect(shown(deployment)).toMatchFileSnapshot(join(import.meta.dirname, 'golden', `${name}.txt`))
    },
  )

  test('in whatever order the records come, the bytes are the same', () => {
    const turned = (deployment: OvnDeployment): OvnDeployment => ({
      ...deployment,
      switches: deployment.switches
        .map((each) => ({ ...each, ports: each.ports.toReversed(), acls: each.acls.toReversed() }))
        .toReversed(),
    })
    for (const deployment of [tenants, services, open]) expect(shown(turned(deployment))).toBe(shown(deployment))
  })

  test('every record that is made bears the mark', () => {
    const made = compileOvn(services).plan?.commands ?? []
    const mark = `external_ids:powernode_ovn_deployment=${services.id}`
    const marked = (...words: string[]) =>
      made.filter((each) => words.every((word) => each.includes(word)) && each.includes(mark))
    expect(marked('set', 'Logical_Switch')).toHaveLength(1)
    expect(marked('set', 'Logical_Switch_Port')).toHaveLength(4)
    expect(marked('create', 'ACL')).toHaveLength(10)
    expect(made.filter((each) => each.includes('create'))).toHaveLength(10)
  })

  test('neighbor discovery is above whatever an operator can write, both ways', () => {
    const { acls } = compileOvn(onOneSwitch({ action: 'drop', priority: 32_000 })).plan?.desired ?? { acls: [] }
    expect(acls).toEqual([
      'ls-1/from-lport/32001/arp || nd || nd_rs || nd_ra',
      'ls-1/to-lport/32001/arp || nd || nd_rs || nd_ra',
      'ls-1/to-lport/32000/1',
    ])
  })
})

describe('what cannot be as it is wanted is an error', () => {
  test('an ACL that would match nothing', () => {
    expect(
      codes(onOneSwitch({ match: { ...anything, family: 'ip4', src: { cidr: 'fd00::/64', not: false } } })),
    ).toEqual([`fatal ACL_VANISHES ovn_acl/${idOf(4, 0)}`])
    const mixed = { src: { cidr: '10.0.0.0/8', not: false }, dst: { cidr: 'fd00::/64', not: false } }
    expect(codes(onOneSwitch({ action: 'drop', match: { ...anything, ...mixed } }))).toHaveLength(1)
    expect(codes(onOneSwitch({ action: 'drop', match: { ...anything, portId: idOf(3, 77) } }))).toHaveLength(1)
    expect(codes(onOneSwitch({ match: { ...anything, dstPorts: { from: 1, to: 2 } } }))).toHaveLength(1)
    expect(codes(onOneSwitch({ match: { ...anything, protocol: 'tcp', dstPorts: { from: 9, to: 2 } } }))).toHaveLength(
      1,
    )
  })

  test('two ACLs of one direction with one priority', () => {
    expect(codes(onOneSwitch({ priority: 7 }, { priority: 7 }))).toEqual([
      `fatal OVN_PRIORITY_TWICE ovn_acl/${idOf(4, 1)}`,
    ])
    expect(codes(onOneSwitch({ priority: 7 }, { priority: 7, direction: 'from-lport' }))).toEqual([])
  })

  test('a priority kept for neighbor discovery', () => {
    expect(codes(onOneSwitch({ priority: 32_001 }))).toEqual([`fatal ACL_VANISHES ovn_acl/${idOf(4, 0)}`])
  })

  test('one name for two ports of a database, on whatever switches', () => {
    const switches = [1, 2].map((n) => switchOf(n, { ports: [portOf(n, { name: 'same' })] }))
    expect(codes(deploymentOf({ switches }))).toEqual([`fatal OVN_NAME_REFUSED ovn_port/${idOf(3, 2)}`])
  })

  test('a name that ovn-nbctl would take for a UUID', () => {
    for (const name of ['0192f0aa-0001-7000-8000-000000000001', 'DEADBEEF-switch']) {
      expect(codes(deploymentOf({ switches: [switchOf(1, { name })] }))).toEqual([
        `fatal OVN_NAME_REFUSED ovn_switch/${idOf(2, 1)}`,
      ])
    }
  })

  test('an endpoint that is none', () => {
    for (const nbEndpoint of [
      '',
      'tcp:1.2.3.4',
      'tcp:host:1',
      'unix:relative',
      'unix:/a/../b',
      'tcp:[1.2.3.4]:5',
      'ssl:::1:5',
    ]) {
      expect(codes(deploymentOf({ nbEndpoint })), nbEndpoint).toHaveLength(1)
    }
  })
})

test('no text of a stranger reaches a command: what is not of its alphabet is left out and told of', () => {
  const evil = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      'a" || 1 || "',
      'x\n-- ls-del ls-1',
      'ls;id',
      '--db=tcp:1.1.1.1:1',
      '-- init',
      'a,b',
      '@acl0',
      'ß',
      '$x',
      "'",
      '\u0000',
      'fd00::/64 || 1',
      '02:00:00:00:00:01 unknown',
    ),
  )
  const word = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/
  const known =
    /^(--may-exist|--id=@acl\d+|@acl\d+|(direction|priority|action|name)=[a-z0-9A-Z_.-]+|external_ids:powernode_ovn_deployment=[0-9a-f-]{36}|match="([a-z0-9_.:/ =!<>&|]|\\"[A-Za-z0-9_.-]+\\")+"|network_name=[A-Za-z0-9_.-]+|([a-z0-9_.:/ =!<>&|]|"[A-Za-z0-9_.-]+")+)$/
  const mostly = <T>(usual: T, odd: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: odd })
  const deployments = fc
    .record({
      endpoint: mostly('tcp:192.0.2.1:6641', evil),
      on: mostly('ls-1', evil),
      port: mostly('vm1', evil),
      mac: mostly('02:00:00:00:00:01', evil),
      address: mostly('fd00::1', evil),
      acl: mostly('web', evil),
      src: mostly('fd00::/64', evil),
      dst: mostly('fd00::/64', evil),
      action: mostly('drop', evil),
      direction: mostly('to-lport', evil),
      protocol: mostly('tcp', evil),
      family: mostly('any', evil),
    })
    .map((said) =>
      deploymentOf({
        nbEndpoint: said.endpoint,
        switches: [
          switchOf(1, {
            name: said.on,
            ports: [portOf(1, { name: said.port, mac: said.mac, addresses: [said.address] })],
            acls: [
              aclOf(1, {
                name: said.acl,
                action: said.action as 'drop',
                direction: said.direction as 'to-lport',
                match: {
                  family: said.family as 'any',
                  src: { cidr: said.src, not: false },
                  dst: { cidr: said.dst, not: true },
                  protocol: said.protocol as 'tcp',
                  dstPorts: undefined,
                  portId: idOf(3, 1),
                },
              }),
            ],
          }),
        ],
      }),
    )
  fc.assert(
    fc.property(deployments, (deployment) => {
      const { plan, problems } = compileOvn(deployment)
      const words = (plan?.commands ?? []).flat()
      expect(words.filter((each) => !word.test(each) && !known.test(each))).toEqual([])
      const whole = plan?.commands.some((each) => each.includes('create')) === true
      expect(whole || problems.some(({ fatal }) => fatal)).toBe(true)
    }),
    { numRuns: 1_000 },
  )
})
