window.addEventListener("load", () => {
  const document_url = document.querySelector("link[rel=service-desc]").getAttribute("href");
  SwaggerUIBundle({ url: document_url, dom_id: "#reference", deepLinking: true, validatorUrl: null });
});
