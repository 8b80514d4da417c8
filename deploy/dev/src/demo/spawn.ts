import { globSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { painter } from '../display.ts'
import { type Platform } from '../platform.ts'
import { commandLine, fedctl, streamed, tableOf, type Side } from './fedctl.ts'
import { spawnHints } from './hints.ts'
import { buildImage } from './image.ts'
import { type Spawn } from './options.ts'
import { type ChildSheet } from './artifacts/artifact.ts'
import { checkArtifacts, type Artifact } from './spawn-checks.ts'
import { CACHE, start, type Stage } from './start.ts'
import { type Story } from './story.ts'

const NAMES = { managed_child: 'managed', autonomous_peer: 'autonomous', cluster_member: 'member' } as const
const TEMPLATE = 'demo'

/** A machine of a virtual kind starts a kernel first, without hardware that helps where there is none. */
const PATIENCE_MS = { process: 400_000, qemu: 1_500_000 } as const

/** One platform that makes another, which comes up already federated; and everything its mode brings, looked at one by one. */
export function spawnStory(spawn: Spawn): Story {
  const hostname = NAMES[spawn.mode]
  return {
    title: `A platform makes another: ${spawn.mode}, by ${spawn.provider}`,
    remark: 'Both stay up. Ctrl-C ends the demo, and the child with it.',
    async tell(stage, started) {
      const { display, stop } = stage
      let made: Made | undefined
      let artifacts: readonly Artifact[] = []
      let failure: unknown
      try {
        await start(stage, { names: ['a'] }, started)
        const [a] = started as [Platform] // `start` would have thrown
        made = await make(a, { ...spawn, hostname }, stage)
        const world = { a, mode: spawn.mode, token: made.token, inside: sideOf(a, made.child), stop }
        artifacts = await checkArtifacts(world, made.child, display)
        await show(a, made.child, stage)
      } catch (error) {
        failure = error
      }
      const child = made?.child ?? null
      return { failure, verdict: async () => ({ spawn: { ...spawn, ms: made?.ms ?? null, child, artifacts } }) }
    },
    blank: { spawn: { ...spawn, ms: null, child: null, artifacts: [] } },
  }
}

type Wanted = Spawn & { readonly hostname: string }
type Made = { readonly child: ChildSheet; readonly token: string; readonly ms: number }

/** From a provider to a child that is active, by the commands an operator would type. */
async function make(a: Platform, { mode, provider, hostname }: Wanted, { display, stop }: Stage): Promise<Made> {
  const type = <T>(name: string, args: readonly string[]): Promise<T> =>
    display.step(name, (say) => {
      say(commandLine(a, args))
      return fedctl<T>(a, args, stop)
    })
  if (provider === 'qemu')
    await display.step('There is an image to start from', async (say) => say(await buildImage(CACHE, say, stop)))
  if (!(await isThere(a, 'provider', provider, stop)))
    await type(`A has a provider: ${provider}`, ['provider', 'create', provider, '--kind', provider, '--region', `${provider}-here`, '--type', `${provider}-small=2,1GiB,2GiB`]) // prettier-ignore
  if (!(await isThere(a, 'template', TEMPLATE, stop)))
    await type('A says what children are made of', [
      'template',
      'create',
      TEMPLATE,
      '--description',
      'a whole platform',
    ])
  const { children } = await fedctl<Children>(a, ['child', 'list'], stop)
  if (children.some((child) => child.hostname === hostname)) {
    const ending = ['child', 'terminate', hostname, '--reason', 'demo', '--wait']
    await display.step('A ends the child of an earlier demo', (say) => {
      say(commandLine(a, ending))
      return streamed(a, { args: ending, signal: stop }, () => undefined)
    })
  }

  const from = performance.now()
  const spawning = ['child', 'spawn', hostname, '--mode', mode, '--template', TEMPLATE, '--region', `${provider}-here`]
  const { child, acceptance_token: token } = await type<Spawned>(`A spawns ${hostname}`, spawning)
  const watching = ['child', 'watch', hostname]
  await display.step('It comes up, already federated', async (say) => {
    say(commandLine(a, watching))
    const signal = AbortSignal.any([stop, AbortSignal.timeout(PATIENCE_MS[provider])])
    const last = await streamed<News>(a, { args: watching, signal }, ({ child: now }) => say(newsText(now)))
    if (last?.child.state !== 'active') throw new Error(last ? newsText(last.child) : 'nothing was heard of it')
  })
  const ms = Math.round(performance.now() - from)
  return { child: await fedctl<ChildSheet>(a, ['child', 'show', child.id], stop), token, ms }
}

type Children = { readonly children: readonly { readonly id: string; readonly hostname: string }[] }
type Spawned = { readonly child: ChildSheet; readonly acceptance_token: string }
type News = { readonly child: Pick<ChildSheet, 'state' | 'reason' | 'steps'> }

function newsText({ state, reason, steps }: News['child']): string {
  const step = steps.find(({ status }) => status === 'running' || status === 'failed')
  return step ? `${state}: ${step.name} ${step.detail}` : `${state}: ${reason}`
}

/** What an earlier demo made is there already, and is used again. */
async function isThere(a: Platform, noun: 'provider' | 'template', name: string, signal: AbortSignal) {
  type Listed = { readonly [list in 'providers' | 'templates']?: readonly { readonly name: string }[] }
  const listed = await fedctl<Listed>(a, [noun, 'list'], signal)
  return listed[`${noun}s`]?.some((one) => one.name === name) === true
}

/**
 * A child on this very host can be asked as its own operators ask it; into a virtual machine nobody sees.
 *
 * fedctl finds it by its name then, as it finds the platforms of the demo.
 */
function sideOf(a: Platform, { instance, hostname }: ChildSheet): (Side & { readonly machine: string }) | undefined {
  const [found] = globSync(`data/spawn-provisioner/**/${instance?.id}/platform/fedctl.json`, { cwd: a.dir })
  if (!found) return undefined
  const own = join(a.dir, found)
  const dir = join(a.dir, '..', hostname)
  const fedctlContext = join(dir, 'fedctl.json')
  mkdirSync(dir, { recursive: true, mode: 0o711 })
  rmSync(fedctlContext, { force: true })
  symlinkSync(own, fedctlContext)
  return { name: hostname, dir, fedctlContext, machine: join(own, '../..') }
}

async function show(a: Platform, child: ChildSheet, { options, display }: Stage): Promise<void> {
  const colours = process.stdout.isTTY && process.env['NO_COLOR'] === undefined && !options.json
  const sheet = await tableOf(a, ['child', 'show', child.id], colours)
  display.print(`\n${sheet.replaceAll(/^(?=.)/gm, '  ').trimEnd()}`)
  if (!options.json) display.print(spawnHints(a, child.hostname, sideOf(a, child), painter(colours)))
}
