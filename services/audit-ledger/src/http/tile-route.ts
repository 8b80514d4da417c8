import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import { readFile } from '../operations/export/read-file.ts'
import type { Tables } from '../store/tables.ts'
import type { HttpAnswer, HttpRoute } from './route.ts'

/** `peers/<id>/tile/0/000`: the log, and the file of it. */
const REST = /^(?<log>platform|peers\/[0-9a-f-]{36})\/(?<path>checkpoint|(?:tile|pruning)\/.+)$/

/**
 * The logs of this platform as files (C2SP tlog-tiles): `/<origin>/checkpoint`, `/<origin>/tile/…`, and beside them what
 * was dropped, `/<origin>/pruning/…`.
 *
 * From the database: so any replica answers, also for widths that were never written to a folder. Nothing beyond the newest
 * checkpoint is shown, since nothing was signed about it.
 */
export function tileRoute(
  { db, clock }: { readonly db: Db<Tables>; readonly clock: Clock },
  { trustDomain }: { readonly trustDomain: string },
): HttpRoute {
  return {
    method: 'GET',
    path: `/${trustDomain}/`,
    open: false,
    bodyMaxBytes: 0,
    async answer({ rest }): Promise<HttpAnswer> {
      const { log, path } = REST.exec(rest)?.groups ?? {}
      if (log === undefined || path === undefined) return NOT_FOUND
      const said = { origin: `${trustDomain}/${log}`, path }
      const content = await inTransaction(db, (tx) => readFile(tx, clock.now(), said))
      if (content === undefined) return NOT_FOUND
      return { status: 200, headers: path.startsWith('tile/') ? TILE : NOTE, body: content }
    },
  }
}

const NOT_FOUND: HttpAnswer = { status: 404, body: 'the log has no such file, or not yet\n' }
/** What a tile holds never changes; what a checkpoint says does. Neither is for caches that others read. */
const TILE = { 'content-type': 'application/octet-stream', 'cache-control': 'private, max-age=31536000, immutable' }
const NOTE = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' }
