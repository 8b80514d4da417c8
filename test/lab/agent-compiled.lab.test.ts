import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { interfaceName } from '../../services/sdwan-compiler/src/compile/names.ts'
import { eventually } from '../eventually.ts'
import { ControlPlane } from './control-plane.ts'
import { Lab } from './lab.ts'
import { labSkip } from './requirements.ts'
import { answerOn, calls } from './sockets.ts'
import { Side, type End } from './two-sides.ts'

const WEB = { id: randomUUID(), name: 'web', priority: 10, action: 'accept', direction: 'ingress', protocol: 'tcp', src: { kind: 'all' }, dst: { kind: 'tag', tag: 'web' }, dstPorts: { from: 443, to: 443 } } as const // prettier-ignore
const PATIENCE_MS = 180_000

/** What goes by whom at each node: as it was compiled, or as it was moved while a hub was gone. */
const carried = async (ends: readonly End[]): Promise<string> => {
  const found = await Promise.all(
    ends.map(({ node, member }) => node.must('wg', ['show', interfaceName(member.id), 'allowed-ips'])),
  )
  const words = (line: string): string => line.split(/\s+/).toSorted().join(' ')
  return found.map((each) => each.trim().split('\n').map(words).toSorted().join('\n')).join('\n\n') // prettier-ignore
}

describe.skipIf(labSkip(['wireguard-go', 'wg', 'nft', 'ping', 'bgpd', 'frr-reload.py']))('what is compiled', () => {
  test.each(['static', 'ibgp'] as const)(
    '%s: carries what a rule lets through and nothing else, and goes on by the other hub when one dies',
    async (routingProtocol) => {
      // prettier-ignore
      await using lab = await Lab.open()
      await using control = await ControlPlane.start()
      const side = await Side.laid(lab, control, {
        names: ['hub1', 'hub2', 'spoke', 'web'],
        asNumber: 4_200_000_010,
        network: { routingProtocol },
      })
      side.want()
      await side.keyed()
      side.rules = [{ ...WEB, networkId: side.network.id }]
      side.want()
      await side.applied()
      const [spoke, web] = [side.end('spoke'), side.end('web')]
      await answerOn(web.node, [443, 444])
      const reaches = (port: number) => calls(spoke.node, web.member.address, port)
      await eventually(() => reaches(443), (answer) => answer === 'web', PATIENCE_MS) // prettier-ignore
      expect(await reaches(444)).toBeUndefined()
      const counted = await eventually(
        () => Promise.resolve(control.heard(web.member.nodeId).reports.at(-1)),
        (report) => report?.counters.some(({ ruleId, packets }) => ruleId === WEB.id && packets > 0n) === true,
        PATIENCE_MS,
      )
      expect(counted?.backEnds.filter(({ status }) => status !== 'applied')).toEqual([])
      const asCompiled = await carried(side.ends)
      for (const dead of [side.end('hub1'), side.end('hub2')]) {
        await dead.node.batch('link set e0 down')
        // One of the spokes uses it, and goes by the other from now on.
        await eventually(() => carried(side.ends), (now) => now !== asCompiled, PATIENCE_MS) // prettier-ignore
        await eventually(() => reaches(443), (answer) => answer === 'web', PATIENCE_MS) // prettier-ignore
        expect(await reaches(444)).toBeUndefined()
        await dead.node.batch('link set e0 up')
        // All goes by it again, at every node: not before is the next hub killed.
        await eventually(() => carried(side.ends), (now) => now === asCompiled, PATIENCE_MS) // prettier-ignore
        await eventually(() => reaches(443), (answer) => answer === 'web', PATIENCE_MS) // prettier-ignore
      }
      await side.stop()
    },
    900_000,
  )
})
