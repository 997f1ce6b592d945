// @ts-check
/** Files as they are chosen or dropped, folders walked. */

/** Where a dropped file lies, which it does not tell itself. @type {WeakMap<File, string>} */
const paths = new WeakMap();

/** With the folders it lies in: a scanner calls many files IM1. @param {File} file */
export const nameOf = (file) => paths.get(file) || file.webkitRelativePath || file.name;

/** @param {File} file */
export const isWanted = (file) => !/^(\.|thumbs\.db$|desktop\.ini$|dicomdir$)/i.test(file.name);

/** @param {DataTransfer | null} given @returns {Promise<File[]>} */
export async function filesIn(given) {
  const entries = [...(given?.items ?? [])].map((each) => each.webkitGetAsEntry()).filter((each) => each !== null);
  return (await Promise.all(entries.map(filesOf))).flat();
}

/** A folder is walked; what cannot be read is left out. @param {FileSystemEntry} entry @returns {Promise<File[]>} */
async function filesOf(entry) {
  if (entry.isFile) {
    return new Promise((done) => /** @type {FileSystemFileEntry} */ (entry).file((file) => {
      paths.set(file, entry.fullPath.replace(/^\//, ""));
      done([file]);
    }, () => done([])));
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((done) => reader.readEntries(done, () => done([])));
    if (!some.length) break; // Chromium gives a hundred at a time
    found.push(...some);
  }
  return (await Promise.all(found.map(filesOf))).flat();
}
