/** A file, or a folder when it has no content, of an initramfs. */
export type Entry = { readonly path: string; readonly content?: Buffer; readonly executable?: boolean }

const [FOLDER, FILE] = [0o040755, 0o100644]

/** An archive as the kernel unpacks it (Documentation/driver-api/early-userspace/buffer-format.rst, "newc"), not compressed. */
export function cpio(entries: readonly Entry[]): Buffer {
  const parts = entries.map(({ path, content, executable }, at) => {
    const mode = content === undefined ? FOLDER : FILE | (executable ? 0o111 : 0)
    return record(at + 1, path, mode, content ?? Buffer.alloc(0))
  })
  return Buffer.concat([...parts, record(0, 'TRAILER!!!', 0, Buffer.alloc(0))])
}

function record(inode: number, path: string, mode: number, content: Buffer): Buffer {
  const links = mode === FOLDER ? 2 : 1
  const numbers = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, path.length + 1, 0]
  const header = `070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}${path}\0`
  return Buffer.concat([padded(Buffer.from(header, 'latin1')), padded(content)])
}

/** To a multiple of four bytes. */
const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
