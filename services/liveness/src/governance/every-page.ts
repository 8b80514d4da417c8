import { Code, ConnectError } from '@connectrpc/connect'

type Page<Item> = { readonly items: readonly Item[]; readonly next: string }
type Asked = { readonly pageSize: number; readonly pageToken: string }

const USUAL = 500

/**
 * Everything of a list, page by page; at most `limit` items.
 *
 * A page of peers that describe themselves at length may be more than one answer holds: then less is asked for at a time.
 */
export async function everyPage<Item>(ask: (asked: Asked) => Promise<Page<Item>>, limit = Infinity): Promise<Item[]> {
  const all: Item[] = []
  for (let pageToken = '', pageSize = USUAL; ;) {
    const page = await ask({ pageSize, pageToken }).catch((error: unknown) => {
      if (pageSize === 1 || ConnectError.from(error).code !== Code.ResourceExhausted) throw error
      return undefined
    })
    if (!page) {
      pageSize = Math.ceil(pageSize / 4)
      continue
    }
    all.push(...page.items)
    if (page.next === '' || all.length >= limit) return all
    pageToken = page.next
  }
}
