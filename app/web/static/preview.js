// @ts-check
/** Something small of a photograph or film, made on this device: it leaves first, and is looked at until the file is there. */

const WANTED_BYTES = 100_000;
const SIZES = /** @type {const} */ ([[1280, 0.75], [1280, 0.5], [960, 0.4]]); // longest side, quality
const FILM_SIDE = 480;
const FILM_MS = 8_000; // it is filmed from the screen, in its own time
const FILM_BYTES = 300_000;
const FILM_BITS_PER_S = 200_000;
const FRAMES_PER_S = 12;
const FILMS = ["video/mp4;codecs=avc1.42E01E", "video/mp4;codecs=vp9", "video/mp4"];
const PATIENCE_MS = 10_000;

const after = (/** @type {number} */ ms) => new Promise((done) => setTimeout(done, ms));
const once = (/** @type {EventTarget} */ target, /** @type {string} */ name) => new Promise((done) => target.addEventListener(name, done, { once: true }));

/** Null where this device cannot make one, or none that is much smaller. @param {File} file @param {boolean} isFilm @returns {Promise<Blob | null>} */
export async function previewOf(file, isFilm) {
  const made = await (isFilm ? ofFilm(file) : ofPhoto(file)).catch(() => null);
  return made && made.size && made.size < file.size / 2 ? made : null;
}

/** @param {File} file */
async function ofPhoto(file) {
  const picture = await createImageBitmap(file);
  try {
    return await small(picture, picture.width, picture.height);
  } finally {
    picture.close();
  }
}

/** @param {CanvasImageSource} picture @param {number} width @param {number} height @returns {Promise<Blob | null>} */
async function small(picture, width, height) {
  let made = null;
  for (const [side, quality] of SIZES) {
    const by = Math.min(1, side / Math.max(width, height));
    const canvas = new OffscreenCanvas(Math.round(width * by), Math.round(height * by));
    canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    made = await canvas.convertToBlob({ type: "image/jpeg", quality });
    if (made.size <= WANTED_BYTES) break;
  }
  return made;
}

/** Its beginning in motion; where the browser cannot, a picture of it. @param {File} file */
async function ofFilm(file) {
  const video = document.createElement("video");
  Object.assign(video, { muted: true, playsInline: true, preload: "auto", src: URL.createObjectURL(file) });
  try {
    await Promise.race([once(video, "loadeddata"), once(video, "error"), after(PATIENCE_MS)]);
    if (!video.videoWidth) return null;
    return (await moving(video).catch(() => null)) ?? (await small(video, video.videoWidth, video.videoHeight));
  } finally {
    URL.revokeObjectURL(video.src);
    video.removeAttribute("src");
  }
}

/** @param {HTMLVideoElement} video @returns {Promise<Blob | null>} */
async function moving(video) {
  const type = FILMS.find((each) => globalThis.MediaRecorder?.isTypeSupported(each));
  if (!type || document.hidden) return null;
  const canvas = document.createElement("canvas");
  const by = Math.min(1, FILM_SIDE / Math.max(video.videoWidth, video.videoHeight));
  const even = (/** @type {number} */ side) => Math.max(2, 2 * Math.round((side * by) / 2)); // as H.264 wants it
  Object.assign(canvas, { width: even(video.videoWidth), height: even(video.videoHeight) });
  const pen = canvas.getContext("2d");
  const draw = () => {
    pen?.drawImage(video, 0, 0, canvas.width, canvas.height);
    video.requestVideoFrameCallback(draw);
  };
  draw();
  const recorder = new MediaRecorder(canvas.captureStream(FRAMES_PER_S), { mimeType: type, videoBitsPerSecond: FILM_BITS_PER_S });
  return filmed(recorder, video);
}

/** Until it ends, is long enough or large enough. @param {MediaRecorder} recorder @param {HTMLVideoElement} video @returns {Promise<Blob | null>} */
async function filmed(recorder, video) {
  /** @type {Blob[]} */
  const parts = [];
  let bytes = 0;
  const large = new Promise((done) => recorder.addEventListener("dataavailable", ({ data }) => {
    parts.push(data);
    bytes += data.size;
    if (bytes > FILM_BYTES) done(undefined);
  }));
  const stopped = once(recorder, "stop");
  recorder.start(500);
  try {
    await video.play();
    await Promise.race([once(video, "ended"), once(recorder, "error"), large, after(FILM_MS)]);
  } finally {
    if (recorder.state !== "inactive") recorder.stop();
  }
  await Promise.race([stopped, after(PATIENCE_MS)]);
  return bytes && bytes < 2 * FILM_BYTES ? new Blob(parts, { type: "video/mp4" }) : null;
}
