/** Shows minutes as hours and minutes: <sample-minutes value="90"></sample-minutes> reads 1:30. */
class SampleMinutes extends HTMLElement {
  connectedCallback() {
    const minutes = Number(this.getAttribute("value")) || 0;
    this.textContent = `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
  }
}

customElements.define("sample-minutes", SampleMinutes);
