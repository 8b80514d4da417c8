import { toJsonString } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import {
  ReportNodeRequestSchema,
  type NodeNetworkService,
  type NodeState,
} from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import type { Journal } from './apply/journal.ts'
import { resolveEndpoints } from './apply/resolve-endpoints.ts'
import type { Frr } from './back-ends/frr.ts'
import { linksOf } from './back-ends/links.ts'
import { problemOfTable } from './back-ends/nftables.ts'
import { changesOf } from './back-ends/routes.ts'
import type { Vrfs } from './back-ends/vrfs.ts'
import { renderConfig } from './back-ends/wireguard.ts'
import { checkState, NOTHING, type CheckedState, type Limits, type Tunnel } from './checked/check-state.ts'
import { measure, type Measuring } from './report/report.ts'
import type { Tools } from './tools.ts'

export type ShowDeps = Measuring & {
  readonly journal: Journal
  readonly limits: Limits
  readonly print: (text: string) => void
}

/** Prints what is there, as it would be reported. Asks nobody and changes nothing. */
export async function show({ journal, limits, print, ...measuring }: ShowDeps): Promise<void> {
  const kept = journal.kept()
  const current = kept ? checkState(kept, limits) : NOTHING
  const report = await measure({ ...measuring, network: { current, rolledBack: undefined } }, [], await measuring.machine.drift(current)) // prettier-ignore
  print(`${toJsonString(ReportNodeRequestSchema, report, { prettySpaces: 2 })}\n`)
}

export type DryRunDeps = {
  readonly control: Client<typeof NodeNetworkService>
  readonly limits: Limits
  readonly tools: Tools
  readonly vrfs: Vrfs
  readonly frr: Frr
  readonly print: (text: string) => void
}

/** Prints what applying the wanted state would do, and what the tools say of it. Changes nothing; keys are not shown. */
export async function dryRun(deps: DryRunDeps, signal: AbortSignal): Promise<void> {
  const state = await wantedNow(deps, signal)
  if (!state) return
  const wanted = checkState(state, deps.limits)
  deps.print(`version ${wanted.version}\n`)
  for (const tunnel of wanted.interfaces) deps.print(await tunnelText(deps, wanted, tunnel))
  const parts = [
    ['nftables', wanted.nftables, await problemOfTable(deps.tools, wanted.nftables)],
    ['frr', wanted.frr, wanted.frr === '' ? undefined : await deps.frr.problemOf(wanted.frr)],
    ['ovn', ovnText(wanted), undefined],
  ] as const
  for (const [name, text, problem] of parts) {
    deps.print(`\n# ${name}: ${problem === undefined ? 'would be taken' : `REFUSED: ${problem}`}\n${text}\n`)
  }
}

const ovnText = ({ ovn, ovnEndings }: CheckedState): string =>
  [
    ...ovnEndings.map(({ deploymentId, endpoint }) => `all of deployment ${deploymentId} goes out of ${endpoint}`),
    ...(ovn?.commands ?? []).map((words) => words.join(' ')),
  ].join('\n')

async function wantedNow({ control }: DryRunDeps, signal: AbortSignal): Promise<NodeState | undefined> {
  for await (const { state } of control.watchDesiredState({ version: '' }, { signal })) return state
  return undefined
}

const HIDDEN = '(hidden)'

async function tunnelText({ tools, vrfs }: DryRunDeps, wanted: CheckedState, tunnel: Tunnel): Promise<string> {
  const room = vrfs.roomOf(wanted.vrfs, tunnel.vrf)
  const links = await linksOf(room.tools).catch(() => [])
  const there = links.some(({ ifname }) => ifname === tunnel.name)
  const hidden = { ...tunnel, presharedKeys: new Map([...tunnel.presharedKeys.keys()].map((key) => [key, HIDDEN])) }
  const resolved = await resolveEndpoints(tools, [tunnel])
  const config = renderConfig(hidden, { key: { privateKey: HIDDEN, publicKey: '' }, resolved, moves: new Map() })
  const changes = there
    ? await changesOf(room.tools, tunnel, room.table)
    : { remove: [], add: [...tunnel.addresses.map((each) => `address add ${each}`), ...tunnel.routes.map(({ prefix }) => `route add ${prefix}`)] } // prettier-ignore
  const lines = [...changes.remove, ...changes.add].map((line) => `${line}\n`).join('')
  return `\n# ${tunnel.name}: ${there ? 'is there' : 'would be made'}\n${config}${lines}`
}
