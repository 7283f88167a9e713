// Where the editor's workers come from: this server.

import { page } from "./page";

self.MonacoEnvironment = {
  getWorker(_id, label) {
    const url = page.workers[label] ?? page.workers.editor;
    if (!url) throw new Error(`there is no worker for ${label}`);
    return new Worker(url, { type: "module", name: label });
  },
};
