import { toBinary, type DescEnum, type DescExtension, type DescFile, type DescMessage } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'

/** Finds the file that declares something, in the ways reflection asks for it. */
export type DescriptorIndex = {
  readonly byName: (file: string) => DescFile | undefined
  readonly bySymbol: (symbol: string) => DescFile | undefined
  readonly byExtension: (extendee: string, number: number) => DescFile | undefined
  /** Sorted; undefined when there is no such message. */
  readonly extensionsOf: (extendee: string) => number[] | undefined
}

/** Indexes files and everything they import. */
export function indexDescriptors(roots: readonly DescFile[]): DescriptorIndex {
  const files = new Map<string, DescFile>()
  const symbols = new Map<string, DescFile>()
  const extensions = new Map<string, Map<number, DescFile>>()

  function addFile(file: DescFile): void {
    if (files.has(file.proto.name)) return
    files.set(file.proto.name, file)
    file.dependencies.forEach(addFile)
    file.messages.forEach(addMessage)
    file.enums.forEach(addEnum)
    file.extensions.forEach(addExtension)
    for (const service of file.services) {
      symbols.set(service.typeName, file)
      for (const method of service.methods) symbols.set(`${service.typeName}.${method.name}`, file)
    }
  }

  function addMessage(message: DescMessage): void {
    symbols.set(message.typeName, message.file)
    for (const { name } of [...message.fields, ...message.oneofs])
      symbols.set(`${message.typeName}.${name}`, message.file)
    message.nestedMessages.forEach(addMessage)
    message.nestedEnums.forEach(addEnum)
    message.nestedExtensions.forEach(addExtension)
  }

  /** Values of an enum are named beside it, not inside it. */
  function addEnum(desc: DescEnum): void {
    symbols.set(desc.typeName, desc.file)
    const scope = desc.typeName.slice(0, desc.typeName.lastIndexOf('.') + 1)
    for (const { name } of desc.values) symbols.set(scope + name, desc.file)
  }

  function addExtension(extension: DescExtension): void {
    symbols.set(extension.typeName, extension.file)
    const numbers = extensions.get(extension.extendee.typeName) ?? new Map<number, DescFile>()
    extensions.set(extension.extendee.typeName, numbers.set(extension.number, extension.file))
  }

  roots.forEach(addFile)
  return {
    byName: (file) => files.get(file),
    bySymbol: (symbol) => symbols.get(symbol),
    byExtension: (extendee, number) => extensions.get(extendee)?.get(number),
    extensionsOf(extendee) {
      if (!symbols.has(extendee)) return undefined
      return [...(extensions.get(extendee)?.keys() ?? [])].toSorted((a, b) => a - b)
    },
  }
}

/** A file and all it imports, encoded, imported ones included once; what `sent` names is left out, and then added to it. */
export function encodeWithImports(file: DescFile, sent: Set<string>): Uint8Array[] {
  if (sent.has(file.proto.name)) return []
  sent.add(file.proto.name)
  return [encode(file), ...file.dependencies.flatMap((dependency) => encodeWithImports(dependency, sent))]
}

/** A file alone. */
export function encode(file: DescFile): Uint8Array {
  return toBinary(FileDescriptorProtoSchema, file.proto)
}
