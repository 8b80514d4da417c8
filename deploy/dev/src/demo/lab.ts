import { type Lab } from '../../../../test/lab/lab.ts'
import { type Node, type PlatformNodes } from '../../../../test/lab/platform-nodes.ts'
import { systemClock } from '@powernode/clock'
import { type Platform } from '../platform.ts'
import { fedctl } from './fedctl.ts'
import { NETWORK, overlay, type Overlay } from './network.ts'
import { start, type Stage } from './start.ts'
import { type Story } from './story.ts'
import { walk } from './walk.ts'

const PATIENCE_MS = 150_000

/** Two platforms with a hub and a spoke each, as namespaces of this machine, and a ping from one's spoke to the other's. */
export const labStory: Story = {
  title: 'Two platforms, and packets between their members',
  remark: 'All of it stays up. Ctrl-C ends the demo, and the namespaces with it.',
  async tell(stage, started) {
    const { display, stop } = stage
    let lab: Lab | undefined
    let overlays: { readonly a: Overlay; readonly b: Overlay } | null = null
    let ping: Ping | null = null
    let failure: unknown
    try {
      const { whyNoLab } = await import('../../../../test/lab/requirements.ts')
      const why = whyNoLab()
      if (why !== undefined) throw new Error(`--lab carries packets through real tunnels, and cannot here: ${why}`)
      await start(stage, { names: ['a', 'b'] }, started)
      const [a, b] = started as [Platform, Platform] // both: `start` would have thrown
      await walk(a, b, display, stop)
      const labs = await import('../../../../test/lab/lab.ts')
      lab = await labs.Lab.open()
      const [sideA, sideB] = [await nodesOf(lab, a, stage), await nodesOf(lab, b, stage)]
      overlays = {
        a: await overlay({ side: a, peer: 'b', ...sideA.wanted }, display, stop),
        b: await overlay({ side: b, peer: 'a', ...sideB.wanted }, display, stop),
      }
      await openUp(a, b, stage)
      ping = await carried({ from: sideA.web, to: addressIn(overlays.b, 'web') }, stage)
    } catch (error) {
      failure = error
    }
    if (stage.options.once || failure !== undefined) await lab?.close()
    else stop.addEventListener('abort', () => void lab?.close(), { once: true })
    return { failure, verdict: () => Promise.resolve({ networks: overlays, ping }) }
  },
  blank: { networks: null, ping: null },
}

type Ping = { readonly from: string; readonly to: string; readonly ms: number }

async function nodesOf(lab: Lab, side: Platform, { display }: Stage) {
  const [{ PlatformNodes }, { ControlRoad }] = await Promise.all([
    import('../../../../test/lab/platform-nodes.ts'),
    import('../../../../test/lab/control-road.ts'),
  ])
  return display.step(
    `${side.name.toUpperCase()} has two nodes: namespaces, each with FRR and an agent`,
    async (say) => {
      const nodes: PlatformNodes = await PlatformNodes.in(lab, { platform: side }, await ControlRoad.lay(lab, `${side.name}-control`)) // prettier-ignore
      const [hub, web] = [await nodes.node('hub', { bgp: true }), await nodes.node('web', { bgp: true })]
      say([hub, web].map((node) => node.lab.netns).join(', '))
      const wanted = { hub: { id: hub.id, endpoint: `${hub.lab.v4}:51820` }, web: { id: web.id } }
      return { hub, web, wanted }
    },
  )
}

const RULES = { a: ['to-b', '--src', 'member:web', '--dst', 'peer:b'], b: ['from-a', '--src', 'peer:a', '--dst', 'member:web'] } // prettier-ignore

/** Nothing crosses a border that no rule lets across: each side says so for itself. */
async function openUp(a: Platform, b: Platform, { display, stop }: Stage): Promise<void> {
  for (const [side, [name = '', ...words]] of [
    [a, RULES.a],
    [b, RULES.b],
  ] as const)
    await display.step(`${side.name.toUpperCase()} lets an echo across`, async (say) => {
      const add = ['net', 'firewall', 'add', NETWORK, name, '--action', 'accept', '--protocol', 'icmp6', ...words, '--priority', '100'] // prettier-ignore
      say(`fedctl --context ${side.name} ${add.join(' ')}`)
      const listed = await fedctl<{ firewall_rules: readonly { name: string }[] }>(side, ['net', 'firewall', 'list', '--network', NETWORK], stop) // prettier-ignore
      if (!listed.firewall_rules.some((rule) => rule.name === name)) await fedctl(side, add, stop)
    })
}

/** Waits until an echo from one node to an address far away is answered. */
function carried({ from, to }: { from: Node; to: string }, { display, stop }: Stage): Promise<Ping> {
  return display.step('A ping crosses: member of A, hub of A, hub of B, member of B', async (say) => {
    const begun = performance.now()
    const giveUp = AbortSignal.any([stop, AbortSignal.timeout(PATIENCE_MS)])
    while (!giveUp.aborted) {
      const { code, out } = await from.lab.run('ping', ['-n', '-c', '1', '-W', '1', to])
      if (code === 0) {
        say(/bytes from .*/.exec(out)?.[0] ?? to)
        return { from: from.lab.netns, to, ms: Math.round(performance.now() - begun) }
      }
      await systemClock.sleep(200, giveUp)
    }
    throw new Error(`no echo from ${to} within ${PATIENCE_MS / 1_000} s`)
  })
}

function addressIn({ members }: Overlay, name: string): string {
  const member = members.find((one) => one.name === name)
  if (!member) throw new Error(`${name} is not in the network`)
  return member.address
}
