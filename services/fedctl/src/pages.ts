/** Every item of a paged list, page after page. */
export async function allPages<Page extends { nextPageToken: string }, Item>(
  ask: (pageToken: string) => Promise<Page>,
  items: (page: Page) => readonly Item[],
): Promise<Item[]> {
  const all: Item[] = []
  let pageToken = ''
  do {
    const page = await ask(pageToken)
    all.push(...items(page))
    pageToken = page.nextPageToken
  } while (pageToken !== '')
  return all
}
