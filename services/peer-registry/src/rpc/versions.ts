import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import type { Enforcement } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import type { VersionService } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import { requestOf } from '@powernode/rpc'
import type { By } from '../events.ts'
import { reassessVersions } from '../operations/reassess-versions.ts'
import { removeVersionRule, setVersionRule } from '../operations/set-version-rule.ts'
import { readRulebook } from '../operations/stand-by-version.ts'
import * as standings from '../store/version-standings.ts'
import { VERSION_STATUSES } from '../version.ts'
import { asItIs, simulate } from '../version-change.ts'
import { changeToWire, compatibilityToWire, ruleToWire } from '../wire-version.ts'
import { actOrRehearse, enforce, look, pageSize, type RpcDeps } from './door.ts'
import { afterPage, pageToken, UUID } from './page.ts'

/** So many peers fit into one answer. */
const MOST_SHOWN = 5_000

/** Which platform versions work together, and what that means for our peers. */
export const versionHandlers = (deps: RpcDeps): ServiceImpl<typeof VersionService> => ({
  listVersionRules: () =>
    look(deps, async (tx) => {
      const { local, rules } = await readRulebook(tx)
      return { rules: rules.map(ruleToWire), localVersion: local, toldVersion: deps.us.self.disclosure.platformVersion }
    }),

  async setVersionRule({ dryRun, status, expectedWorse: expected, ...said }, context) {
    const { localVersion, remoteVersion, refusedKinds, notes } = said
    const rule = { localVersion, remoteVersion, refusedKinds, notes, status: statusOf(status) }
    const by = requestOf(context)
    const seen = dryRun ? 'rehearsal' : { expected }
    const { rule: put, changed, worse } = await actOrRehearse(deps, dryRun, (tx, now) => setVersionRule(tx, now, { by, rule, seen })) // prettier-ignore
    return {
      worse,
      rule: ruleToWire(put),
      changed: changed.slice(0, MOST_SHOWN).map(changeToWire),
      ...(await inForce(deps, { dryRun, by, context })),
    }
  },

  async removeVersionRule({ id, dryRun, expectedWorse: expected }, context) {
    const seen = dryRun ? 'rehearsal' : { expected }
    const { changed, worse } = await actOrRehearse(deps, dryRun, (tx, now) => removeVersionRule(tx, now, { id, seen }))
    return {
      worse,
      changed: changed.slice(0, MOST_SHOWN).map(changeToWire),
      ...(await inForce(deps, { dryRun, by: requestOf(context), context })),
    }
  },

  listCompatibility: (req) =>
    look(deps, async (tx) => {
      const book = await readRulebook(tx)
      const limit = pageSize(req.pageSize)
      const asked = req.peerIds.length > 0
      const page = await standings.list(
        tx,
        asked
          ? { ids: req.peerIds.filter((id) => UUID.test(id)) }
          : { afterId: afterPage(req.pageToken, UUID), limit: limit + 1 },
      )
      const last = !asked && page.length > limit ? page[limit - 1] : undefined
      const shown = asked ? page : page.slice(0, limit)
      return {
        compatibilities: shown.map((peer) => compatibilityToWire(asItIs(book, peer))),
        localVersion: book.local,
        nextPageToken: last ? pageToken(last.id) : '',
      }
    }),

  simulateVersion: ({ version }) =>
    look(deps, async (tx) => {
      const book = await readRulebook(tx)
      const { shown, advice, worse, better, unchanged } = simulate(book, version, await standings.list(tx))
      return {
        compatibilities: shown.slice(0, MOST_SHOWN).map(changeToWire),
        advice: [...advice],
        safe: worse === 0,
        worse,
        better,
        unchanged,
        localVersion: book.local,
      }
    }),
})

type Written = { readonly dryRun: boolean; readonly by: By; readonly context: HandlerContext }

/** Every peer stands by the rule that was written, and no live gateway lets through what it refuses. */
async function inForce(deps: RpcDeps, { dryRun, by, context: { signal } }: Written) {
  let known: Enforcement | undefined
  for (let count = dryRun ? 0 : 1; count > 0;) {
    const done = await enforce(deps, { signal }, async (tx, now) => ({
      count: await reassessVersions(tx, now, { by }),
    }))
    known = done.enforcement ?? known
    count = done.count
  }
  return known ? { enforcement: known } : {}
}

/** A word that the rules of the proto let through. */
function statusOf(said: string) {
  const status = VERSION_STATUSES.find((one) => one === said)
  if (!status) throw new Error(`${said} passed validation as a version status`)
  return status
}
