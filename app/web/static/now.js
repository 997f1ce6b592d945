// @ts-check
/** What changes while one reads: the time left, files that came, the question, whose it is. */
import { put, watch } from "./watch.js";

const now = document.getElementById("now");

watch(() => now?.dataset.look ?? "", (came) => put(now, came.body));
